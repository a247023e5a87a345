"""A skill in Python that looks for ways out of the sandbox, and handles values of every kind."""

import encodings.idna  # so that names can be resolved without a file
import hashlib
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import wit_world
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.probe import Attempt, Attempts
from wit_world.exports.values import (
    Entry,
    Fields,
    Order,
    Query,
    Query_Between,
    Query_ByKey,
    Refusal,
    Refusal_NotFound,
)


def try_all(actions: dict[str, Callable[[], object]]) -> Attempts:
    attempts = Attempts(succeeded=[], failed=[])
    for what, action in actions.items():
        try:
            attempts.succeeded.append(Attempt(what, str(action())))
        except Exception as error:
            attempts.failed.append(Attempt(what, f"{type(error).__name__}: {error}"))
    return attempts


class Probe(exports.Probe):
    def files(self) -> Attempts:
        return try_all({
            "read": lambda: open("/etc/passwd").read(),
            "read relative": lambda: open("../../etc/passwd").read(),
            "list root": lambda: os.listdir("/"),
            "list here": lambda: os.listdir("."),
            "status": lambda: os.stat("/"),
            "create": lambda: Path("made-by-the-probe.txt").write_text("x"),
            "make a folder": lambda: os.mkdir("/tmp/made-by-the-probe"),
            "remove": lambda: os.remove("/etc/hosts"),
            "link": lambda: os.symlink("/etc/passwd", "here"),
        })

    def network(self) -> Attempts:
        return try_all({
            "connect": lambda: socket.socket().connect(("127.0.0.1", 80)),
            "connect by name": lambda: socket.create_connection(("localhost", 80), 1),
            "listen": lambda: socket.create_server(("127.0.0.1", 0)),
            "send a datagram": send_datagram,
            "resolve": lambda: socket.getaddrinfo("example.com", 80),
            "fetch": lambda: urllib.request.urlopen("http://127.0.0.1/", timeout=1),
        })

    def processes(self) -> Attempts:
        return try_all({
            "run a program": lambda: subprocess.run(["/bin/true"], check=True),
            "fork": lambda: os.fork(),
            "end another": lambda: os.kill(1, 9),
        })

    def environment(self) -> list[str]:
        return sorted(os.environ)

    def arguments(self) -> list[str]:
        return sys.argv

    def stdin(self) -> str:
        return sys.stdin.read()

    def clocks(self) -> tuple[bool, bool]:
        before = time.monotonic()
        time.sleep(0.02)
        return time.gmtime().tm_year > 2020, time.monotonic() > before

    def random(self) -> bool:
        return len({random.random() for _ in range(16)}) == 16

    def system_random(self) -> bool:
        return len({os.urandom(16) for _ in range(16)}) == 16

    def print(self, line: str) -> None:
        print("out:", line, flush=True)
        print("err:", line, file=sys.stderr, flush=True)

    def leave(self, code: int) -> None:
        os._exit(code)


def send_datagram() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        return datagrams.sendto(b"x", ("127.0.0.1", 9))


class Values(exports.Values):
    def echo(self, s: str) -> str:
        return s

    def sort(self, entries: list[Entry], order: Order) -> list[Entry]:
        return sorted(entries, key=lambda entry: entry.key, reverse=order is Order.DESCENDING)

    def select(self, entries: list[Entry], query: Query) -> list[Entry]:
        match query:
            case Query_ByKey(key):
                found = [entry for entry in entries if entry.key == key]
                if not found:
                    raise Err(Refusal_NotFound(key))
                return found
            case Query_Between((low, high)):
                return [entry for entry in entries if low <= entry.count <= high]
            case _:
                return entries

    def columns(self, entry: Entry, fields: Fields) -> list[str | None]:
        texts = {
            Fields.KEY: entry.key,
            Fields.COUNT: str(entry.count),
            Fields.TAGS: ",".join(entry.tags) or None,
        }
        return [text for field, text in texts.items() if field in fields]

    def sum(self, data: bytes, start: int) -> int:
        return start + sum(data)

    def refuse(self, reason: Refusal) -> None:
        raise Err(reason)

    def crash(self, message: str) -> None:
        raise RuntimeError(message)


class WitWorld(wit_world.WitWorld):
    def digest(self, data: bytes) -> str:
        return hashlib.sha256(data).hexdigest()
