"""Runs code in a fresh `__main__` and tells how it ended."""

import __future__
import ast
import atexit
import linecache
import os
import random
import sys
import traceback
import types
from dataclasses import dataclass

from harness import sandbox, shown, stack
from harness.streams import Streams

CODE = "<code>"

# Of a traceback, the calls that are shown; and exceptions that are shown with one that followed from them.
FIRST_CALLS, LAST_CALLS = 5, 25
CHAINED = 20
# Calls that can be freed at once without exhausting the stack.
DEEP = 1100

# Given up when there is no memory left, so that the end can be told. Pages that nobody has written to cost nothing.
_reserve = [bytearray(1024 * 1024)]

# Never freed.
_kept: list[ast.AST] = []

# Held here, so that code which changes these modules still gets its own traceback.
_parse = ast.parse
_Expression = ast.Expression
_Expr = ast.Expr
_TracebackException = traceback.TracebackException
_run_exit_functions = atexit._run_exitfuncs
_future = {name: getattr(__future__, name).compiler_flag for name in __future__.all_feature_names}


@dataclass(slots=True)
class Ended:
    """The code ran to its end."""

    stdout: str
    stderr: str
    json: str | None = None
    repr: str | None = None


@dataclass(slots=True)
class Raised:
    """The code did not."""

    kind: str
    message: str
    line: int | None
    column: int | None
    traceback: str
    stdout: str = ""
    stderr: str = ""


def run(code: str, variables: dict[str, object]) -> Ended | Raised:
    """Runs the code with the variables as globals."""
    # The generator was seeded when the component was built. What else is random asks the host each time.
    random.seed(int.from_bytes(os.urandom(32)))
    streams = Streams()
    module = types.ModuleType("__main__")
    module.__file__ = CODE
    module.__builtins__ = sys.modules["builtins"]
    module.__dict__.update(variables)
    sys.modules["__main__"] = module
    sys.argv = [CODE]
    linecache.cache[CODE] = (len(code), None, [f"{line}\n" for line in code.split("\n")], CODE)
    try:
        ended = stack.within(lambda: _ended(code, module.__dict__))
    except MemoryError as error:
        _reserve.clear()
        where = _lines(error.__traceback__)
        # The frames hold what filled the memory.
        error.__context__ = error.__cause__ = None
        _replace_traceback(error, None)
        module.__dict__.clear()
        ended = _plainly("MemoryError", "the code needs more memory than a run is given", where)
    except SystemExit as exit:
        try:
            ended = _exited(exit)
        except BaseException as error:
            # What it exits with is the code's own object, and may do anything when it is looked at.
            ended = _raised(error)
    except BaseException as error:
        ended = _raised(error)
    ended.stdout, ended.stderr = streams.texts()
    return ended


def _ended(code: str, names: dict[str, object]) -> Ended:
    tree = _parse(code, CODE)
    # Freeing a deep tree exhausts the stack, and nothing is gained by it: the instance answers one call.
    _kept.extend((tree, *tree.body))
    stack.check(code, tree)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], _Expr) else None
    # Decorators, strings of annotations and the like see the whole of the code as one.
    exec(compile(tree, CODE, "exec", dont_inherit=True), names)
    ended = Ended("", "")
    if last is not None:
        flags = _future_flags(tree)
        value = eval(compile(_Expression(last.value), CODE, "eval", flags, dont_inherit=True), names)
        if value is not None:
            ended.json, ended.repr = shown.value(value)
    _run_exit_functions()
    return ended


def _future_flags(tree: ast.Module) -> int:
    """The flags of `from __future__ import …`, which the last expression is under as well."""
    flags = 0
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            for alias in statement.names:
                flags |= _future.get(alias.name, 0)
    return flags


def _exited(exit: SystemExit) -> Ended | Raised:
    try:
        _run_exit_functions()
    except BaseException as error:
        return _raised(error)
    if exit.code is None or (isinstance(exit.code, int) and exit.code == 0):
        return Ended("", "")
    raised = _raised(exit)
    raised.message = shown.clean(str(exit.code), shown.MESSAGE)
    return raised


def _raised(error: BaseException) -> Raised:
    try:
        return _told(error)
    except MemoryError:
        raise
    except BaseException as second:
        # Its text cannot be had: a `__str__` that raises, a library that the code has changed, a chain too long.
        kind = type(error).__qualname__
        why = f"(the exception cannot be shown: {type(second).__qualname__})"
        lines = _lines(error.__traceback__)
        return Raised(shown.clean(kind, 1000), why, lines[-1] if lines else None, None, "")


def _told(error: BaseException) -> Raised:
    where = _lines(error.__traceback__)
    left_out, deep = _keep_own_frames(error)
    if deep:
        return _plainly(type(error).__qualname__, str(error), where)
    told = _TracebackException.from_exception(error)
    line = column = None
    if isinstance(error, SyntaxError) and error.filename == CODE:
        line, column = _number(error.lineno), _number(error.offset)
    elif told.stack:
        line = _number(told.stack[-1].lineno)
    message = str(error.msg) if isinstance(error, SyntaxError) and error.msg else str(error)
    message += sandbox.word(error)
    notes = getattr(error, "__notes__", None)
    if isinstance(notes, list):
        message = "\n".join([message, *(str(note) for note in notes)])
    kind = type(error).__qualname__
    module = type(error).__module__
    if isinstance(module, str) and module not in ("builtins", "__main__"):
        kind = f"{module}.{kind}"
    text = "".join(told.format(chain=True))
    if word := sandbox.word(error):
        text = text.rstrip("\n") + word + "\n"
    if left_out:
        text += f"[{left_out:,} calls in the middle are left out]\n"
    return Raised(
        shown.clean(kind, 1000),
        shown.clean(message, shown.MESSAGE),
        line,
        column,
        shown.clean(text, shown.TRACEBACK),
    )


def _number(number: object) -> int | None:
    """A line or column, if it is one: exceptions of the code may hold anything."""
    return number if type(number) is int and 0 < number < 2**31 else None


def _keep_own_frames(error: BaseException) -> tuple[int, bool]:
    """Leaves the calls of the code in the traceback of an exception and of those that led to it, and no others; of many
    the first and the last, and none if there are so many that they must be freed. Tells how many more there were, and
    whether the exception's own are gone. What is shown has a price for each call, so this comes first.
    """
    todo, seen, left_out, deep = [error], set(), 0, False
    while todo:
        one = todo.pop()
        seen.add(id(one))
        own, count = [], 0
        frames = one.__traceback__
        while frames is not None:
            count += 1
            if frames.tb_frame.f_code.co_filename == CODE:
                own.append(frames)
                if len(own) > FIRST_CALLS + LAST_CALLS:
                    del own[FIRST_CALLS]
                    left_out += 1
            frames = frames.tb_next
        shown_frames = None
        if count > DEEP:
            # A frame that is kept keeps all those around it.
            deep = deep or one is error
            own.clear()
        for frames in reversed(own):
            shown_frames = types.TracebackType(shown_frames, frames.tb_frame, frames.tb_lasti, frames.tb_lineno)
        own = frames = None
        _replace_traceback(one, shown_frames)
        within = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        for other in (one.__cause__, one.__context__, *within):
            if other is None or id(other) in seen:
                continue
            if len(seen) + len(todo) < CHAINED:
                todo.append(other)
            elif other is one.__context__:
                one.__context__ = None
            elif other is one.__cause__:
                one.__cause__ = None
    return left_out, deep


def _replace_traceback(error: BaseException, traceback: types.TracebackType | None) -> None:
    """Gives an exception another traceback, and frees the old one step by step.

    Freed at once, each call would free the next one on the stack, which ends the run if there are some thousands.
    """
    calls, frames = [], []
    call = error.__traceback__
    while call is not None:
        calls.append(call)
        frames.append(call.tb_frame)
        call = call.tb_next
    error.__traceback__ = traceback
    # A call holds the one within it, and the frame of a call that of the one around it.
    calls.reverse()
    while calls:
        calls.pop()
    while frames:
        frames.pop()


def _lines(frames: types.TracebackType | None) -> list[int]:
    """The lines of the code on the way to an exception, the last ones if there are many."""
    lines = []
    while frames is not None:
        if frames.tb_frame.f_code.co_filename == CODE:
            lines.append(frames.tb_lineno)
            del lines[:-20]
        frames = frames.tb_next
    return lines


def _plainly(kind: str, message: str, where: list[int]) -> Raised:
    """Tells of an exception by the lines of the code alone, where its frames could not be kept."""
    source = linecache.cache[CODE][2]
    parts = ["Traceback (most recent call last):\n"]
    for line in where:
        parts.append(f'  File "{CODE}", line {line}\n')
        if 0 < line <= len(source):
            parts.append(f"    {source[line - 1].strip()[:200]}\n")
    message = shown.clean(message, shown.MESSAGE)
    parts.append(f"{kind}: {message}\n")
    text = shown.clean("".join(parts), shown.TRACEBACK)
    return Raised(shown.clean(kind, 1000), message, where[-1] if where else None, None, text)
