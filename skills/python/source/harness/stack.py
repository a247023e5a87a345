"""How deep C code may call itself.

CPython looks at the stack that it keeps in linear memory, 1 MiB, and raises RecursionError when that is used up. Calls take
room on the host's own stack as well, where CPython cannot look, and up to twelve times as much: it would be exhausted first,
and the run would end as a trap. So most of CPython's stack is taken before the code runs, and its check comes first.
"""

import ast
import json.decoder
import select
from collections.abc import Callable

from harness.variables import is_deep

# `select.select` holds three sets of descriptors on CPython's stack, about 49 KiB, while it asks an object for its
# number. What is left after so many calls is about 85 KiB.
LEVELS = 19


class _Over(Exception):
    """The work is done: nothing is to be selected."""


class _Level:
    """Goes a level deeper when it is asked for its number."""

    __slots__ = ("_levels", "_work", "result")

    def __init__(self, levels: int, work: Callable[[], object]) -> None:
        self._levels, self._work, self.result = levels, work, None

    def fileno(self) -> int:
        self.result = within(self._work, self._levels - 1)
        raise _Over


def within(work: Callable[[], object], levels: int = LEVELS) -> object:
    """What `work` returns, called where little of the stack is left. What it raises comes out as it is."""
    if levels == 0:
        return work()
    level = _Level(levels, work)
    try:
        select.select((level,), (), (), 0)
    except _Over:
        pass
    return level.result


# Where CPython's C code takes next to nothing of its own stack, so that it never notices, levels are counted instead.
_JSON_LEVELS = 1000
_CODE_LEVELS = 4000


def install() -> None:
    """Makes the parser of `json` count its levels."""
    parse = json.decoder.JSONDecoder.raw_decode

    def raw_decode(self, s, idx=0):
        if isinstance(s, str) and is_deep(s, _JSON_LEVELS):
            raise RecursionError(f"maximum recursion depth exceeded while decoding JSON: more than {_JSON_LEVELS} levels")
        return parse(self, s, idx)

    json.decoder.JSONDecoder.raw_decode = raw_decode


def check(code: str, tree: ast.AST) -> None:
    """Raises RecursionError for code that is nested deeper than the compiler's stack."""
    # A level takes two characters or more.
    if len(code) <= 2 * _CODE_LEVELS:
        return
    level, count = [tree], 0
    while level:
        count += 1
        if count > _CODE_LEVELS:
            raise RecursionError(f"maximum recursion depth exceeded during compilation: more than {_CODE_LEVELS} levels")
        level = [child for node in level for child in ast.iter_child_nodes(node)]
