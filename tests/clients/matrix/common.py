"""What the Python clients of the matrix share: the server, the cases, and a count of what failed."""

import json
import os
import sys

URL = f"{os.environ['RINGFENCE_URL']}/mcp"
HEADERS = {"Authorization": f"Bearer {os.environ['RINGFENCE_TOKEN']}"}
CASES = json.load(open(sys.argv[1]))
failed = []


class Row:
    """One promise; what breaks it is told at the end, with the others."""

    def __init__(self, name, what):
        self.name, self.what = name, what

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if isinstance(error, Exception):
            failed.append(f"{self.name}: {self.what}: {kind.__name__}: {str(error)[:300]}")
            return True


def same(value, expected):
    """Equal, and numbers are numbers. A client may tell 1 from 1.0, and a caller may not."""
    assert value == expected and isinstance(value, bool) == isinstance(expected, bool), f"{value!r} for {expected!r}"


def plain(value):
    """The value without the object in which revisions before 2026-07-28 want it."""
    return value["result"] if isinstance(value, dict) and value.keys() == {"result"} else value


def end():
    """Fails if anything did."""
    if failed:
        sys.exit("\n".join(failed))
