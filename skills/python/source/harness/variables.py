"""The members of a JSON object as global variables; a name that could not be one is refused."""

import json
import re
from keyword import iskeyword

# The parser calls itself for each level, on a stack that holds a thousand or so.
_DEPTH = 200
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKET = re.compile(r"[^][{}]+")


class Unusable(Exception):
    """Why the object cannot be used."""


def _refuse(name: str) -> None:
    raise Unusable(f"`variables` holds {name}, which is not JSON")


def is_deep(text: str, levels: int) -> bool:
    """Whether a JSON text is nested deeper than that."""
    if text.count("[") + text.count("{") <= levels:
        return False
    brackets = _NO_BRACKET.sub("", _STRING.sub("", text))
    # Each round takes away the innermost level; what is left at last has no partner.
    for _ in range(levels):
        fewer = brackets.replace("[]", "").replace("{}", "")
        if fewer == brackets:
            return len(brackets) > levels
        brackets = fewer
    return bool(brackets)


def read(text: str | None) -> dict[str, object]:
    """The members by name.

    Raises Unusable if the text is no JSON object, or a name is none.
    """
    if text is None:
        return {}
    try:
        if is_deep(text, _DEPTH):
            raise Unusable(f"`variables` is nested more than {_DEPTH} deep")
        members = json.JSONDecoder(parse_constant=_refuse).decode(text)
    except ValueError as error:
        raise Unusable(f"`variables` is not JSON: {error}") from None
    if not isinstance(members, dict):
        raise Unusable("`variables` is not a JSON object")
    for name in members:
        if not name.isidentifier() or iskeyword(name):
            raise Unusable(f"`variables` has the member {name!r}, which is not a name of Python")
        if name.startswith("__") and name.endswith("__"):
            raise Unusable(f"`variables` has the member {name!r}; such names belong to Python")
    return members
