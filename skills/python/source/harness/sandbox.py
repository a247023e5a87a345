"""What an exception says of the sandbox: that something is not there, and is not worth another try."""

import os
import socket
import sqlite3
import subprocess

import ringfence_http

_NO_PACKAGES = " (only the standard library is here, without what needs files, sockets or processes)"
_NOTHING = " (a sandbox: there are no files, no sockets and no processes; work on `variables` and in memory)"
_ONLY_FILES = " (a sandbox: there are files in memory, no sockets and no processes)"

# Of the module `os`, what this build of CPython lacks, and what would start or reach something outside.
_PROCESSES = frozenset({
    "system", "popen", "fork", "forkpty", "kill", "killpg", "wait", "waitpid", "startfile", "posix_spawn", "posix_spawnp",
    "execl", "execle", "execlp", "execlpe", "execv", "execve", "execvp", "execvpe", "spawnl", "spawnle", "spawnlp",
    "spawnlpe", "spawnv", "spawnve", "spawnvp", "spawnvpe", "getpid", "getppid", "getuid", "pipe", "openpty", "getlogin",
})


def _files() -> bool:
    """Whether the operator grants files: then there is a directory for temporary ones."""
    try:
        os.stat("/tmp")
    except OSError:
        return False
    return True


def word(error: BaseException) -> str:
    """What is to be added to the message of an exception; nothing if it has another reason."""
    if isinstance(error, ModuleNotFoundError):
        return _NO_PACKAGES
    # Of a request: it says itself why there is no response.
    if isinstance(error, (ringfence_http.Denied, ringfence_http.Failed, TimeoutError)):
        return ""
    if isinstance(error, (socket.gaierror, subprocess.SubprocessError)):
        return _ONLY_FILES if _files() else _NOTHING
    # The system's own: what the code raises itself has no number.
    if isinstance(error, OSError) and error.errno is not None:
        return "" if _files() else _NOTHING
    if isinstance(error, sqlite3.OperationalError) and "unable to open database" in str(error):
        return "" if _files() else _NOTHING
    if isinstance(error, AttributeError) and error.name is not None:
        if error.obj is os and error.name in _PROCESSES:
            return _NOTHING
        if error.obj is socket:
            return _NOTHING
    if isinstance(error, RuntimeError) and str(error) in ("can't start new thread", "thread is not supported"):
        return " (a sandbox: there are no threads; `asyncio` has tasks)"
    return ""
