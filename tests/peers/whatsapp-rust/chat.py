"""whatsapp-rust pairs with the simulator and chats; wmctl takes its account over and chats on.

    python3 chat.py WMCTL CLIENT FOLDER

Two accounts share one file, as the package allows. One of them, and phones that the simulator
plays, write before and after the move, alone and in groups of both kinds. Nobody may have to ask
for a message again, and no key may be used twice. FOLDER is made and keeps what was written.
"""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.request

OURS, BERT, CARLA = "491510000001", "491510000002", "491510000003"
PATIENCE_S = 90


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Program:
    """A process that speaks in lines of JSON."""

    def __init__(self, name, command, folder, env=None):
        self.name = name
        self.log = open(os.path.join(folder, name + ".log"), "a")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            text=True, env=env)
        self.lines, self.seen = queue.Queue(), []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            try:
                self.lines.put(json.loads(line))
            except ValueError:
                pass

    def say(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def expect(self, what, wanted):
        for at, line in enumerate(self.seen):
            if wanted(line):
                return self.seen.pop(at)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                line = self.lines.get(timeout=0.2)
            except queue.Empty:
                if self.process.poll() is not None:
                    break
                continue
            if wanted(line):
                return line
            self.seen.append(line)
        sys.exit(f"{self.name} did not tell of {what}; it told instead: {self.seen}")

    def end(self, gently):
        gently()
        if self.process.wait(PATIENCE_S) != 0:
            sys.exit(f"{self.name} ended with {self.process.returncode}")


class World:
    """A simulator and what its phones do."""

    def __init__(self, wmctl, folder):
        port, control = free_port(), free_port()
        self.url = f"http://127.0.0.1:{control}/v1"
        command = [wmctl, "simulate", "--port", str(port), "--control-port", str(control),
                   "--contacts", "0"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL,
            stderr=open(os.path.join(folder, "simulate.log"), "w"))
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                about = self.ask("GET", "")
                break
            except OSError:
                if deadline < time.monotonic():
                    raise
                time.sleep(0.05)
        self.ws, self.root_key = about["ws_url"], about["root_key"]

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, method=method, data=data,
            headers={"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.loads(answer.read() or b"null")

    def account(self, number):
        self.ask("POST", "/accounts", {"number": number, "name": number})

    def read_by(self, number, text):
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            inbox = self.ask("GET", f"/accounts/{number}/inbox")
            if any(got.get("text") == text for got in inbox["items"]):
                return
            time.sleep(0.05)
        sys.exit(f"{number} did not read {text!r}")

    def journal(self):
        entries = []
        while True:
            page = self.ask("GET", f"/journal?skip={len(entries)}&limit=1000")["items"]
            entries += page
            if not page:
                return entries


class Stranger:
    """whatsapp-rust for one account of the file."""

    def __init__(self, world, client, file, device, number, folder):
        command = [client, world.ws, file, str(device), number]
        self.number = number
        self.program = Program(number, command, folder)

    def pair(self, world):
        code = self.program.expect("a QR code", lambda line: line["ev"] == "qr")["qr"]
        world.ask("POST", "/scan", {"code": code, "number": self.number})
        self.open()

    def open(self):
        self.program.expect("a login", lambda line: line.get("connection") == "open")

    def send(self, to, text):
        self.program.say(cmd="send", jid=to, text=text, tag=text)
        is_result = lambda line: line.get("tag") == text
        result = self.program.expect(f"the result of {text!r}", is_result)
        if not result["ok"]:
            sys.exit(f"{self.number} could not send {text!r}: {result}")

    def read(self, text):
        self.program.expect(repr(text), lambda line: line.get("text") == text)

    def quit(self):
        self.program.end(lambda: self.program.say(cmd="quit"))


class Ours:
    """wmctl for the account that was taken over."""

    def __init__(self, wmctl, env, folder):
        self.wmctl, self.env = wmctl, env
        self.program = Program("wmctl", [wmctl, "run"], folder, env)
        self.program.expect("a login", lambda line: line.get("state") == "connected")

    def send(self, to, text):
        command = [self.wmctl, "send", "--to", to, "--text", text]
        subprocess.run(command, env=self.env, check=True, stdout=subprocess.DEVNULL)

    def read(self, text):
        self.program.expect(repr(text), lambda line: line.get("text") == text)

    def quit(self):
        self.program.end(self.program.process.terminate)


def talk(world, ours, bert, groups, when):
    """A text each way with another client and with a phone, alone and in groups."""
    person = lambda number: f"{number}@s.whatsapp.net"
    chats = [(person(BERT), person(OURS))] + [(group, group) for group in groups]
    for to, back in chats:
        for number in range(2):
            text = f"to Bert in {to}, {when}, {number}"
            ours.send(to, text)
            bert.read(text)
            text = f"from Bert in {back}, {when}, {number}"
            bert.send(back, text)
            ours.read(text)
    for to, back in [(person(CARLA), OURS)] + [(group, group) for group in groups]:
        text = f"to Carla in {to}, {when}"
        ours.send(to, text)
        world.read_by(CARLA, text)
        text = f"from Carla in {back}, {when}"
        world.ask("POST", "/messages", {"from": CARLA, "to": back, "text": text})
        ours.read(text)


def migrate(wmctl, env, file, *more):
    command = [wmctl, "migrate", "import", "--from", f"sqlite:{file}", *more]
    return subprocess.run(command, env=env, text=True, capture_output=True)


def main():
    wmctl, client, folder = sys.argv[1:]
    os.makedirs(folder)
    file = os.path.join(folder, "whatsapp.db")
    world = World(wmctl, folder)
    try:
        for number in (OURS, BERT, CARLA):
            world.account(number)
        anna = Stranger(world, client, file, 1, OURS, folder)
        anna.pair(world)
        bert = Stranger(world, client, file, 2, BERT, folder)
        bert.pair(world)
        groups = [world.ask("POST", "/groups", {
            "subject": "Trip", "members": [OURS, BERT, CARLA], "addressing": addressing,
        })["jid"] for addressing in ("pn", "lid")]
        talk(world, anna, bert, groups, "before")
        anna.quit()
        bert.quit()

        env = {
            "HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder,
            "WMCTL_DATABASE_URL": f"sqlite:{folder}/wmctl.db", "WMCTL_OUTPUT": "jsonl",
            "WMCTL_SERVER": world.ws, "WMCTL_ROOT_KEY": world.root_key,
        }
        several = migrate(wmctl, env, file)
        if several.returncode != 6 or "SEVERAL_DEVICES" not in several.stderr:
            sys.exit(f"two accounts are in the file: {several}")
        ours = f"{OURS}:1@s.whatsapp.net"
        moved = migrate(wmctl, env, file, "--device", ours)
        if moved.returncode != 0:
            sys.exit(moved.stderr)
        moved = json.loads(moved.stdout)
        print(json.dumps(moved, indent=1))
        if (moved["device"], moved["layout"]) != (ours, "whatsapp-rust") or moved["damaged"]:
            sys.exit(f"something else was taken over: {moved}")

        since = len(world.journal())
        bert = Stranger(world, client, file, 2, BERT, folder)
        bert.open()
        ours = Ours(wmctl, env, folder)
        talk(world, ours, bert, groups, "after")
        ours.quit()
        ours = Ours(wmctl, env, folder)
        talk(world, ours, bert, groups, "later")
        ours.quit()
        bert.quit()
        retries = [entry for entry in world.journal()[since:] if entry.get("kind") == "retry"]
        breaches = world.ask("GET", "/breaches")["items"]
        if retries or breaches:
            sys.exit(f"somebody asked again: {retries}; breaches: {breaches}")
        print("the account of whatsapp-rust went on, and nobody noticed")
    finally:
        world.process.terminate()


main()
