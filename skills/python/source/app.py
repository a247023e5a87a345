"""The tool `run`: whatever the code does, an answer or a problem comes back, never an exception of this skill."""

import gc

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import http
from wit_world.exports.interpreter import (
    Answer,
    Failure,
    Problem_BadVariables,
    Problem_Raised,
    Value_Json,
    Value_Repr,
)

import ringfence_http

# Before the modules that make connections.
ringfence_http.install(http, Err)

from harness import library, run, shown, variables, wipe
from harness.run import Raised

# Where the code has taken apart what this skill needs to answer, or has left no memory for it, this still goes out.
BROKEN = Err(
    Problem_Raised(
        Failure(
            kind="SystemError",
            message="the code left the interpreter unable to answer: out of memory, or its library changed",
            line=None,
            column=None,
            traceback="",
            stdout="",
            stderr="",
        )
    )
)


class Interpreter(exports.Interpreter):
    def run(self, code: str, variables: str | None) -> Answer:
        try:
            return answer(code, variables)
        except Err as problem:
            raise problem
        except BaseException:
            raise BROKEN


def answer(code: str, members: str | None) -> Answer:
    try:
        named = variables.read(members)
    except variables.Unusable as error:
        raise Err(Problem_BadVariables(shown.clean(str(error), shown.MESSAGE))) from None
    ended = run.run(code, named)
    if isinstance(ended, Raised):
        failure = Failure(
            ended.kind, ended.message, ended.line, ended.column, ended.traceback, ended.stdout, ended.stderr
        )
        raise Err(Problem_Raised(failure))
    value = None
    if ended.json is not None:
        value = Value_Json(ended.json)
    elif ended.repr is not None:
        value = Value_Repr(ended.repr)
    return Answer(ended.stdout, ended.stderr, value)


library.settle()
# What is here now lives as long as the instance. Out of the collector's sight, its pages stay as they are in the
# component and are shared by all instances; a collection would write to each of them.
gc.collect()
wipe.free_memory()
gc.freeze()
