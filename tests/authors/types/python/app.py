"""Values of every type, there and back, and wrong ones."""

from dataclasses import replace

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import tools as t

WRONG = {
    "a": 256, "b": -129, "c": 1.5, "d": "1", "e": -1, "f": 2**31, "g": 2**64, "h": True, "i": "1", "j": "1", "k": 1, "l": "ab", "m": 5,
    "n": 5, "o": {}, "p": [1], "q": (1,), "r": None, "s": "web", "t": 1, "u": "cash", "v": 5, "w": None, "x": [1, 1.5], "y": (1,),
    "z": [1.0, "2"],
}


class Tools(exports.Tools):
    def echo(self, all: t.All) -> t.All:
        return all

    def wrong(self, all: t.All, member: str) -> t.All:
        return replace(all, **{member: WRONG[member]})

    def succeed(self, pay: t.Pay) -> t.Pay:
        return pay

    def fail(self, pay: t.Pay) -> t.Pay:
        raise Err(pay)

    def nothing(self) -> None:
        pass

    def none(self) -> None:
        raise Err(None)
