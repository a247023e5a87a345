"""Does what `promises.py` asks for."""

import random
import sys
import time
import uuid

from componentize_py_types import Err
from wit_world import exports

OWN = random.Random()


def crash():
    raise ValueError("it broke")


class Tools(exports.Tools):
    def probe(self, what: str) -> str:
        if what == "out":
            print("to", "out")
        elif what == "err":
            print("to err", file=sys.stderr)
        elif what == "unfinished":
            print("no line break", end="")
        elif what == "tab":
            print("a\tb")
        elif what == "print and crash":
            print("before", end="")
            crash()
        elif what == "crash":
            crash()
        elif what == "fail":
            raise Err("mine")
        elif what == "time":
            return str(int(time.time()))
        elif what == "random":
            return f"{random.random()} {OWN.random()} {uuid.uuid4()}"
        elif what == "wrong value":
            return 5
        elif what == "wrong failure":
            raise Err(5)
        elif what == "nothing":
            return None
        elif what == "exit":
            sys.exit(3)
        elif what == "half a character":
            return "\ud83d"
        elif what == "file":
            open("/etc/passwd")
        return "done"
