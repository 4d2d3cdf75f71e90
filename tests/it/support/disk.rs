//! Disks that are full, or that fail for a single program.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A small in-memory file system.
pub(crate) struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    pub(crate) fn mount(megabytes: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        open_to_all(folder.path());
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={megabytes}m,mode=0777"))
            .arg("none")
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(
            mounted.status.success(),
            "a full disk needs a file system of its own, which only root can mount: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Fills the remaining space.
    pub(crate) fn fill(&self) {
        // `dd` ends with "no space left on device".
        let filled = Command::new("dd")
            .args(["if=/dev/zero", "bs=64k", "status=none"])
            .arg(format!("of={}", self.path("ballast").display()))
            .output()
            .unwrap();
        assert!(!filled.status.success());
    }

    pub(crate) fn empty(&self) {
        fs::remove_file(self.path("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let path = self.folder.path();
        drop(Command::new("umount").arg("-l").arg(path).status());
    }
}

pub(crate) fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
}

/// Faults of a disk under the files of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    No,
    /// Writes and flushes fail.
    Writes,
    /// Writes find no space.
    Room,
    /// Nothing can be changed, as on a file system that the kernel remounted read-only.
    ReadOnly,
    /// Flushes reach the disk but report an error.
    Flushes,
    /// Flushes take 0.4 s longer.
    Slow,
}

/// A disk under the programs that are started with its variables.
pub(crate) struct FaultyDisk {
    folder: TempDir,
    file: PathBuf,
}

impl FaultyDisk {
    /// Creates a disk without faults for the database `file` and the files beside it.
    pub(crate) fn under(file: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/disk.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .args([&folder.path().join("disk.so"), &source])
            .arg("-ldl")
            .status()
            .expect("a C compiler is installed (apt-get install gcc libc6-dev), or run ./test");
        assert!(built.success(), "the disk cannot be built");
        let disk = Self {
            folder,
            file: file.to_owned(),
        };
        fs::write(disk.switch(), [0]).unwrap();
        disk
    }

    fn switch(&self) -> PathBuf {
        self.folder.path().join("fault")
    }

    pub(crate) fn set(&self, failing: Failing) {
        let word = match failing {
            Failing::No => 0,
            Failing::Writes => b'w',
            Failing::Room => b'f',
            Failing::ReadOnly => b'r',
            Failing::Flushes => b's',
            Failing::Slow => b'd',
        };
        // Written in place, because programs have the file mapped.
        let mut switch = File::options().write(true).open(self.switch()).unwrap();
        switch.write_all(&[word]).unwrap();
    }

    /// Returns the environment variables that make a program use the disk.
    pub(crate) fn variables(&self) -> [(&'static str, String); 3] {
        let shown = |path: &Path| path.display().to_string();
        [
            ("LD_PRELOAD", shown(&self.folder.path().join("disk.so"))),
            ("WMCTL_TEST_DISK", shown(&self.switch())),
            ("WMCTL_TEST_DISK_FILES", shown(&self.file)),
        ]
    }
}
