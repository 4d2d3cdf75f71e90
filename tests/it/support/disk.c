// A disk with faults, for the files of one database only. The first byte of a file selects the
// fault, and may change while the program runs. The programs of one test load it before the C
// library (LD_PRELOAD).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile const char *fault;
static const char *files;

__attribute__((constructor)) static void map(void) {
    const char *path = getenv("WMCTL_TEST_DISK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *at = mmap(NULL, 1, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    files = getenv("WMCTL_TEST_DISK_FILES");
    if (at != MAP_FAILED) fault = at;
}

// Returns the present fault; 0 if there is none.
static char wrong(void) {
    return fault && files ? *fault : 0;
}

static int is_ours(int fd) {
    char link[64], name[4096];
    int error = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name - 1);
    errno = error;
    if (length < 0) return 0;
    name[length] = 0;
    return strncmp(name, files, strlen(files)) == 0;
}

// Returns the error of a write; 0 if it succeeds.
static int refused(int fd) {
    char now = wrong();
    if (!now || !is_ours(fd)) return 0;
    if (now == 'w') return EIO;
    if (now == 'f') return ENOSPC;
    if (now == 'r') return EROFS;
    return 0;
}

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t count) {
    int error = refused(fd);
    if (error) return errno = error, -1;
    return REAL(write)(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    int error = refused(fd);
    if (error) return errno = error, -1;
    return REAL(pwrite)(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    int error = refused(fd);
    if (error) return errno = error, -1;
    return REAL(pwrite64)(fd, bytes, count, at);
}

int ftruncate(int fd, off_t length) {
    int error = refused(fd);
    if (error) return errno = error, -1;
    return REAL(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length) {
    int error = refused(fd);
    if (error) return errno = error, -1;
    return REAL(ftruncate64)(fd, length);
}

// A flush that fails may still have reached the disk; here it always has.
static int flush(int fd, int (*real)(int)) {
    char now = wrong();
    if (now && is_ours(fd)) {
        struct timespec time = {0, 400 * 1000 * 1000};
        if (now == 'd') nanosleep(&time, 0);
        if (now == 's') {
            real(fd);
            return errno = EIO, -1;
        }
        if (now == 'w') return errno = EIO, -1;
        if (now == 'r') return errno = EROFS, -1;
    }
    return real(fd);
}

int fsync(int fd) {
    return flush(fd, REAL(fsync));
}

int fdatasync(int fd) {
    return flush(fd, REAL(fdatasync));
}

// A read-only file system opens no file for writing.
static int is_refused_open(const char *path, int flags) {
    return wrong() == 'r' && (flags & (O_WRONLY | O_RDWR | O_CREAT))
        && strncmp(path, files, strlen(files)) == 0;
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (is_refused_open(path, flags)) return errno = EROFS, -1;
    return REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (is_refused_open(path, flags)) return errno = EROFS, -1;
    return REAL(open64)(path, flags, mode);
}
