"""Texts that fit an answer: valid Unicode, and no longer as JSON than there is room for."""

import json.decoder
import json.encoder
import marshal
import reprlib

# The output of a call is at most 1 MiB of JSON by default; all of these together stay below it. Each is a
# number of bytes as JSON, where one control character is six.
STDOUT = 256 * 1024
STDERR = 128 * 1024
VALUE = 256 * 1024
MESSAGE = 64 * 1024
TRACEBACK = 128 * 1024

# In C, and held by this module: code that changes the module `json` changes nothing here.
_quoted = json.encoder.c_encode_basestring
_encoder = json.encoder.c_make_encoder
_decode = json.decoder.JSONDecoder().scan_once
_marshal = marshal.dumps

_PLAIN = frozenset({str, int, float, bool, list, dict})
_NESTED = frozenset({list, dict, tuple, set, frozenset})
# Of what the stack holds, less than half.
_DEPTH = 500


def _size(text: str) -> int:
    return len(_quoted(text).encode()) - 2


def fit(text: str, limit: int) -> str:
    """The longest beginning of the text that is at most `limit` bytes as JSON."""
    text = text[:limit]
    if _size(text) <= limit:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if _size(text[:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def clean(text: str, limit: int) -> str:
    """The text as UTF-8 can carry it, cut if it is too long."""
    # A plain string, also of an object of a class derived from strings.
    text = str.__getitem__(text, slice(None))
    plain = text[:limit].encode("utf-8", "backslashreplace").decode("utf-8")
    kept = fit(plain, limit)
    if len(kept) < len(plain) or len(text) > limit:
        return f"{kept} [cut: {len(text):,} characters]"
    return kept


def value(of: object) -> tuple[str | None, str | None]:
    """The value as JSON if nothing of it is lost by that and if it fits, else as `repr` has it, cut if it is too long."""
    if _is_deep(of):
        return None, clean(reprlib.repr(of), VALUE)
    try:
        text = _as_json(of)
        if text is not None:
            return text, None
    except (MemoryError, ValueError):
        pass  # too large; not plain, not finite, half of a surrogate pair, a cycle
    return None, clean(_whole_repr(of), VALUE)


def _is_deep(of: object) -> bool:
    """Whether it is nested so deep that C code which calls itself for each level would exhaust the stack."""
    if type(of) not in _NESTED or len(of) > VALUE:
        return False
    level, seen = [of], {id(of)}
    for _ in range(_DEPTH):
        inner = [
            one
            for item in level
            for one in (item.values() if type(item) is dict else item)
            if type(one) in _NESTED
        ]
        level = [one for one in inner if id(one) not in seen and not seen.add(id(one))]
        if not level:
            return False
    return True


def _as_json(of: object) -> str | None:
    if type(of) not in _PLAIN or (type(of) in _NESTED and len(of) > VALUE):
        return None
    # All of it in C: what looks at each element in Python costs as much as all of this. `marshal` refuses whatever is
    # of a class derived from a plain type.
    _marshal(of)
    encode = _encoder({}, _no_default, _quoted, None, ": ", ", ", False, False, False)
    text = "".join(encode(of, 0))
    # Tuples come back as lists and keys that are numbers as strings, so they are not equal.
    return text if _size(text) <= VALUE and _decode(text, 0)[0] == of else None


def _no_default(of: object) -> None:
    raise ValueError("not plain")


def _whole_repr(of: object) -> str:
    try:
        return repr(of)
    except MemoryError:
        return reprlib.repr(of)
