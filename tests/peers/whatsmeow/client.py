"""Runs one account with whatsmeow itself, spoken to in lines of JSON.

usage: client.py FILE URL ROOT_KEY

FILE is whatsmeow's database: one that is not there is made, and a device paired. URL and ROOT_KEY
(hexadecimal) are the server's. whatsmeow knows only WhatsApp's own: a copy of its library gets the
others in their place.

It prints {"event":"qr|open|message|undecryptable|gone",...} and takes {"cmd":"send","to","text"},
{"cmd":"quit"}; each command is answered by {"reply":...}.
"""

import ctypes
import glob
import json
import os
import queue
import sys
import sysconfig
import tempfile
import threading

URL = b"wss://web.whatsapp.com/ws/chat"
ROOT_KEY = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
# Numbers of the library's events.
PAIRED, CONNECTED, LOGGED_OUT, FAILED, DISCONNECTED = 2, 3, 6, 9, 12
MESSAGE, UNDECRYPTABLE = 17, 44
NAME = b"test"


def library(url, root_key):
    """The library, made to dial `url` and to trust `root_key`."""
    folder = sysconfig.get_path("purelib")
    (path,) = glob.glob(f"{folder}/neonize/neonize-linux-*.so")
    with open(path, "rb") as file:
        code = file.read()
    # Of the same length: what is over is an empty query.
    padded = url.ljust(len(URL), b"?")
    if len(padded) != len(URL):
        raise SystemExit(f"{url.decode()} is longer than the address that it replaces")
    for old, new in ((URL, padded), (ROOT_KEY, root_key)):
        if code.count(old) != 1:
            raise SystemExit("this library is another than the one that this was written for")
        code = code.replace(old, new)
    with tempfile.NamedTemporaryFile(suffix=".so") as copy:
        copy.write(code)
        copy.flush()
        return ctypes.CDLL(copy.name)


def fields(data):
    """The fields of a protobuf message: number to the last value, an int or bytes."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            value = varint()
        else:
            length = {1: 8, 5: 4}.get(kind) or varint()
            value = data[at : at + length]
            at += length
        found[key >> 3] = value
    return found


def part(number, value):
    """One field of a protobuf message, with fewer than 16384 bytes."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    length = len(value)
    size = [length] if length < 128 else [length & 127 | 128, length >> 7]
    return bytes([number << 3 | 2, *size]) + value


def text(message):
    """The text of a message, plain or with a context."""
    extended = fields(message.get(6, b""))
    found = message.get(1) or extended.get(1) or b""
    return found.decode()


def address(jid):
    jid = fields(jid)
    device = jid.get(3, 0)
    name = jid.get(1, b"").decode() + (f":{device}" if device else "")
    return f"{name}@{jid.get(5, b'').decode()}"


class Client:
    def __init__(self, file, url, root_key):
        self.out = threading.Lock()
        self.code = library(url.encode(), bytes.fromhex(root_key))
        self.file = file
        pointer, number = ctypes.c_void_p, ctypes.c_int
        strings = ctypes.CFUNCTYPE(None, pointer, pointer)
        events = ctypes.CFUNCTYPE(None, pointer, pointer, number, number)
        logs = ctypes.CFUNCTYPE(None, pointer, number)
        self.callbacks = (
            strings(lambda _, code: self.say(event="qr", code=ctypes.string_at(code).decode())),
            strings(lambda *_: None),
            events(self.heard),
            logs(lambda entry, size: self.note(ctypes.string_at(entry, size))),
        )
        self.code.Neonize.argtypes = [
            *[ctypes.c_char_p] * 3, number, number, ctypes.c_char_p, strings, strings, events, logs,
            *[ctypes.c_char_p, number] * 3, pointer,
        ]
        self.code.Neonize.restype = pointer
        self.code.SendMessage.argtypes = [ctypes.c_char_p, *[ctypes.c_char_p, number] * 2]
        self.code.SendMessage.restype = ctypes.POINTER(pointer * 2)
        self.code.Stop.argtypes = [ctypes.c_char_p]

    def say(self, **what):
        with self.out:
            print(json.dumps(what), flush=True)

    def note(self, entry):
        entry = fields(entry)
        words = b" ".join(value for value in entry.values() if isinstance(value, bytes))
        print(words.decode(errors="replace"), file=sys.stderr, flush=True)

    def heard(self, _, data, size, kind):
        body = fields(ctypes.string_at(data, size)) if size else {}
        if kind == CONNECTED:
            self.say(event="open")
        elif kind in (MESSAGE, UNDECRYPTABLE):
            info = fields(body.get(1, b""))
            source = fields(info.get(1, b""))
            event = "message" if kind == MESSAGE else "undecryptable"
            self.say(
                event=event,
                id=info.get(2, b"").decode(),
                chat=address(source.get(1, b"")),
                sender=address(source.get(2, b"")),
                from_me=bool(source.get(3, 0)),
                text=text(fields(body.get(2, b""))) if kind == MESSAGE else None,
            )
        elif kind in (LOGGED_OUT, FAILED):
            self.say(event="gone", kind=kind)

    def run(self):
        subscribed = bytes(
            [PAIRED, CONNECTED, LOGGED_OUT, FAILED, DISCONNECTED, MESSAGE, UNDECRYPTABLE]
        )
        device = part(1, b"whatsmeow")
        self.code.Neonize(
            self.file.encode(), NAME, b"", 0, 0, b"DEBUG", *self.callbacks,
            subscribed, len(subscribed), device, len(device), b"", 0, None,
        )

    def send(self, to, words):
        user, server = to.split("@")
        to = part(1, user.encode()) + part(2, 0) + part(3, 0) + part(4, 0)
        to += part(5, server.encode()) + part(6, 0)
        message = part(1, words.encode())
        answer = self.code.SendMessage(NAME, to, len(to), message, len(message))
        pointer, size = answer.contents
        answer = fields(ctypes.string_at(pointer, size))
        if 1 in answer:
            self.say(reply="failed", error=answer[1].decode())
        else:
            self.say(reply="sent", id=fields(answer[2]).get(2, b"").decode())


def main(file, url, root_key):
    client = Client(file, url, root_key)
    worker = threading.Thread(target=client.run)
    worker.start()
    for line in sys.stdin:
        command = json.loads(line)
        if command["cmd"] == "quit":
            break
        client.send(command["to"], command["text"])
    client.code.Stop(NAME)
    worker.join()
    client.say(event="end")


main(*sys.argv[1:])
