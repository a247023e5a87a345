"""Made by `ringfence build`. Calls the tools of app.py: checks what they return against the WIT, and writes to the log of
the run what they print and what they raise."""

import enum
import linecache
import os
import random
import reprlib
import sys
import traceback
import weakref

import wit_world
from componentize_py_types import Err, Ok, Some

# The last lines of an exception that are shown.
_FRAMES = 60


def _watch_generators(load):
    """Runs `load`; gives what it returns, and the generators of random numbers that it made without a seed of its own."""
    made, seed = weakref.WeakSet(), random.Random.seed

    def noted(self, a=None, version=2):
        made.add(self) if a is None else made.discard(self)
        return seed(self, a, version)

    random.Random.seed = noted
    try:
        return load(), made
    finally:
        random.Random.seed = seed


def _load():
    try:
        from wit_world.imports import http

        import ringfence_http
    except ImportError:
        # The skill neither requests nor imports HTTP.
        import app

        return app
    ringfence_http.install(http, Err)
    import app

    ringfence_http.settle()
    return app


_app, _generators = _watch_generators(_load)
_ROOT = os.path.join(os.path.dirname(_app.__file__), "")


def _keep_sources():
    """Keeps the lines of the author's modules for tracebacks: there are no files when the skill runs."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.startswith(_ROOT) and file.endswith(".py"):
            lines = linecache.getlines(file)
            linecache.cache[file] = (sum(map(len, lines)), None, lines, file)


_keep_sources()
_begun = False


def _begin():
    """Once in a run, before the author's code: nothing of the build decides what is printed, or drawn by lot."""
    global _begun
    if _begun:
        return
    _begun = True
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, write_through=False, errors="backslashreplace")
    for generator in _generators:
        generator.seed()


def _end(text):
    """Writes the text to the log and ends the run."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass  # closed or replaced by the tool
    try:
        os.write(2, text.encode("utf-8", "backslashreplace"))
    finally:
        os._exit(1)


def _uncaught(error, function):
    """Ends the run with an exception of a tool, as Python would show it, without the calls of this file."""
    try:
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
            frames = frames.tb_next
        shown = traceback.TracebackException(type(error), error, frames, limit=-_FRAMES)
        text = "".join(shown.format()).replace(f'File "{_ROOT}', 'File "')
        if isinstance(error, SystemExit):
            text += "a tool returns a value or raises; it cannot end the program\n"
        elif isinstance(error, Err):
            text += f"the WIT gives `{function}` no error, so it cannot raise Err\n"
    except BaseException:
        text = f"{type(error).__name__} in `{function}`, which cannot be shown\n"
    _end(text)


class _Wrong:
    """A part of a value that is not of its type."""

    __slots__ = ("at", "expected", "value")

    def __init__(self, expected, value):
        self.at, self.expected, self.value = "", expected, value

    def within(self, step):
        self.at = step + self.at
        return self

    def text(self):
        try:
            got = reprlib.repr(self.value)
        except BaseException:
            got = "something that cannot be shown"
        at = f"at {self.at}: " if self.at else ""
        return f"{at}expected {self.expected}, got {type(self.value).__name__} ({got})"


def _whole(name, least, most):
    expected = f"{name} (int from {least} to {most})"

    def check(value):
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            return _Wrong(expected, value)

    return check


def _float(name, most):
    def check(value):
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return _Wrong(f"{name} (float)", value)
        if abs(value) > most and abs(value) != float("inf"):
            return _Wrong(f"{name} (float of at most {most})", value)

    return check


def _bool(value):
    if not isinstance(value, bool):
        return _Wrong("bool", value)


def _is_unicode(value):
    try:
        return value.isascii() or bool(value.encode()) or True
    except UnicodeEncodeError:
        return False


def _string(value):
    if not isinstance(value, str):
        return _Wrong("string (str)", value)
    if not _is_unicode(value):
        return _Wrong("string (str without half a surrogate pair)", value)


def _char(value):
    if not isinstance(value, str) or len(value) != 1 or not _is_unicode(value):
        return _Wrong("char (str of one character)", value)


_CHECKS = {
    "bool": _bool,
    "string": _string,
    "char": _char,
    "f32": _float("f32", 3.4028235677973366e38),
    "f64": _float("f64", sys.float_info.max),
    "any": lambda value: None,
}
for _bits in (8, 16, 32, 64):
    _CHECKS[f"u{_bits}"] = _whole(f"u{_bits}", 0, 2**_bits - 1)
    _CHECKS[f"s{_bits}"] = _whole(f"s{_bits}", -(2 ** (_bits - 1)), 2 ** (_bits - 1) - 1)


def _check_of(kind):
    """A function that gives what is wrong with a value, or None. `kind` is a name, or a place in the table."""
    check = _CHECKS.get(kind)
    if check is None:
        check = _CHECKS[kind] = _build(_TYPES[kind])
    return check


def _build(type_):
    return globals()[f"_of_{type_['is']}"](type_)


def _of_record(type_):
    fields = [(name, _check_of(of)) for name, of in type_["fields"]]
    expected = f"{type_['wit']} ({type_['name']} with {', '.join(name for name, _ in fields)})"

    def check(value):
        for name, check in fields:
            try:
                part = getattr(value, name)
            except AttributeError:
                return _Wrong(expected, value)
            wrong = check(part)
            if wrong:
                return wrong.within(f".{name}")

    return check


def _of_variant(type_):
    cases = {name: of is not None and _check_of(of) for _, name, of in type_["cases"]}
    expected = f"{type_['wit']} ({' or '.join(cases)})"

    def check(value):
        case = cases.get(type(value).__name__)
        if case is None:
            return _Wrong(expected, value)
        wrong = case and case(value.value)
        if wrong:
            return wrong.within(".value")

    return check


def _of_enum(type_):
    def check(value):
        if not isinstance(value, enum.Enum) or type(value).__name__ != type_["name"]:
            return _Wrong(f"{type_['wit']} (a member of {type_['name']})", value)

    return check


def _of_flags(type_):
    def check(value):
        if not isinstance(value, enum.Flag) or type(value).__name__ != type_["name"]:
            return _Wrong(f"{type_['wit']} (flags of {type_['name']})", value)

    return check


def _of_option(type_):
    some, expected = _check_of(type_["of"]), f"{type_['wit']} (Some(…) or None)"

    def plain(value):
        if value is not None:
            return some(value)

    def nested(value):
        if value is None:
            return None
        if not isinstance(value, Some):
            return _Wrong(expected, value)
        wrong = some(value.value)
        if wrong:
            return wrong.within(".value")

    return nested if type_["nested"] else plain


def _of_result(type_):
    ok, err = (of is not None and _check_of(of) for of in (type_["ok"], type_["err"]))

    def check(value):
        if type(value) is not Ok and type(value) is not Err:
            return _Wrong(f"{type_['wit']} (Ok(…) or Err(…))", value)
        part = ok if type(value) is Ok else err
        wrong = part and part(value.value)
        if wrong:
            return wrong.within(".value")

    return check


def _of_tuple(type_):
    parts = [_check_of(of) for of in type_["of"]]

    def check(value):
        if not isinstance(value, tuple) or len(value) != len(parts):
            return _Wrong(f"{type_['wit']} (tuple of {len(parts)})", value)
        for at, (check, part) in enumerate(zip(parts, value)):
            wrong = check(part)
            if wrong:
                return wrong.within(f"[{at}]")

    return check


def _of_list(type_):
    of = type_["of"]
    if of in ("u8", "s8"):
        return lambda value: None if isinstance(value, bytes) else _Wrong(f"{type_['wit']} (bytes)", value)
    part = _check_of(of)

    def check(value):
        if not isinstance(value, list):
            return _Wrong(f"{type_['wit']} (list)", value)
        for at, one in enumerate(value):
            wrong = part(one)
            if wrong:
                return wrong.within(f"[{at}]")

    return check


def _tool(own, name, tool):
    """A method of the author's, with its result checked."""
    function = getattr(own, name)
    code = getattr(function, "__code__", None)
    place = f"{code.co_filename.removeprefix(_ROOT)}:{code.co_firstlineno}: " if code else ""
    ok = tool["ok"] is not None and _check_of(tool["ok"])
    err = tool["err"] is not None and _check_of(tool["err"])

    def call(*arguments):
        _begin()
        try:
            value = function(*arguments)
        except Err as error:
            if not tool["fallible"]:
                _uncaught(error, name)
            wrong = err and err(error.value)
            if wrong:
                _end(f"{place}`{name}` raised Err with a wrong value: {wrong.text()}\n")
            raise Err(error.value) from None
        except BaseException as error:
            _uncaught(error, name)
        wrong = ok and ok(value)
        if wrong:
            _end(f"{place}`{name}` returned a wrong value: {wrong.text()}\n")
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass  # closed or replaced by the tool
        return value

    return call


class _Tools:
    """The tools of one interface."""

    def __init__(self, class_, tools, protocol):
        own = class_()
        for name, tool in tools.items():
            if getattr(class_, name, None) is getattr(protocol, name, None):
                raise TypeError(f"app.py: the class {class_.__name__} has no method `{name}`, which the WIT exports")
            setattr(self, name, _tool(own, name, tool))


def _wrap():
    exports = getattr(wit_world, "exports", None)
    for name, tools in _EXPORTS.items():
        protocol = getattr(exports, name, None) or getattr(wit_world, name, None)
        # An interface that has its name from elsewhere is called as it is.
        if protocol is None:
            continue
        class_ = getattr(_app, name, None)
        if not isinstance(class_, type):
            raise TypeError(f"app.py has no class `{name}`, whose methods are the tools that the WIT exports")
        globals()[name] = lambda class_=class_, tools=tools, protocol=protocol: _Tools(class_, tools, protocol)


def __getattr__(name):
    return getattr(_app, name)


