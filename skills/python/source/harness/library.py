"""The standard library, imported while the component is built: at run time there is no file to import from."""

import atexit
import importlib
import linecache
import sys

from harness import loop, run, stack, zones

# Not for code that runs here: what is for a terminal, a server, a client, another process, an installer or another
# system, and what is an older copy in Python of something in C. What cannot be imported here at all (`fcntl`, `ctypes`,
# `mmap`, ...) stays out by itself. `ssl` is that of `ringfence_http`.
LEFT_OUT = {
    "antigravity", "cmd", "compileall", "curses", "dbm", "ensurepip", "filecmp", "fileinput", "ftplib", "getpass",
    "idlelib", "imaplib", "lib2to3", "mailbox", "modulefinder", "multiprocessing", "netrc", "nturl2path", "pickletools", "poplib",
    "py_compile", "pyclbr", "rlcompleter", "smtplib", "socketserver", "sre_compile", "sre_constants", "sre_parse",
    "tabnanny", "test", "this", "tkinter", "turtle", "turtledemo", "venv", "webbrowser", "wsgiref", "xmlrpc", "zipapp",
    "_aix_support", "_android_support", "_apple_support", "_ios_support", "_osx_support", "_py_abc", "_pydatetime",
    "_pydecimal", "_pyio", "_pyrepl", "_sysconfig",
}

# Modules of packages that import only when asked for.
WITHIN = [
    "asyncio.staggered", "collections.abc", "concurrent.futures.thread", 
    "email.mime.application", "email.mime.audio", "email.mime.base", "email.mime.image", "email.mime.message",
    "email.mime.multipart", "email.mime.nonmultipart", "email.mime.text", "email.generator", "email.headerregistry",
    "email.parser", "email.policy", "email.utils", "html.entities", "html.parser", "http.client", "http.cookiejar",
    "http.cookies", "importlib.abc", "importlib.machinery", "importlib.metadata", "importlib.resources",
    "importlib.util", "json.tool", "logging.config", "os.path", "pathlib.types",
    "compression.zlib", "compression.gzip", "string.templatelib", 
    "unittest.mock", "unittest.async_case", "urllib.error", "urllib.parse", "urllib.request", "urllib.response",
    "urllib.robotparser", "xml.dom.minidom", "xml.etree.ElementTree",
    "xml.etree.ElementInclude", "xml.sax.expatreader", "xml.sax.handler", "xml.sax.saxutils",
    "encodings.idna", "encodings.punycode", "encodings.raw_unicode_escape", "encodings.rot_13", "encodings.unicode_escape",
    "encodings.utf_16", "encodings.utf_16_be", "encodings.utf_16_le", "encodings.utf_32", "encodings.utf_32_be",
    "encodings.utf_32_le", "encodings.utf_7", "encodings.utf_8_sig", "encodings.latin_1", "encodings.ascii",
    "encodings.iso8859_1", "encodings.iso8859_2", "encodings.iso8859_15", "encodings.cp1250", "encodings.cp1251",
    "encodings.cp1252", "encodings.cp437", "encodings.cp850", "encodings.koi8_r", "encodings.mac_roman", "encodings.hex_codec",
    "encodings.base64_codec", "encodings.quopri_codec", "encodings.zlib_codec", "encodings.gbk",
    "encodings.gb18030", "encodings.big5", "encodings.shift_jis", "encodings.euc_jp", "encodings.euc_kr",
    "encodings.iso2022_jp", "encodings.cp932", "encodings.cp949",
]


def _import_all() -> dict[str, str]:
    """Imports whatever can be; says why of the rest."""
    missing = {}
    for name in [*sorted(sys.stdlib_module_names - LEFT_OUT), *WITHIN]:
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing[name] = str(error)
    return missing


MISSING = _import_all()


# Code that is run while the component is built, and what comes of it.
WARMED = [
    ("import json\nprint(a)\n[1, {'a': 2.5}]", '[1, {"a": 2.5}]'),
    ("(1, 2)", "(1, 2)"),
    ("def f(x):\n    return 1 / x\nf(0)", "ZeroDivisionError"),
    ("f(", "SyntaxError"),
    ("printt(a)", "NameError"),
]


def settle() -> None:
    """Makes ready for the one call that an instance answers."""
    zones.install()
    loop.install()
    stack.install()
    # Work on integers is paid for in fuel; a second limit would only be in the way.
    sys.set_int_max_str_digits(0)
    # What is made at first use (tables of the parser, patterns, the machinery of tracebacks) is made now, once for all.
    own = sys.stdin, sys.stdout, sys.stderr, sys.argv, sys.modules.get("__main__")
    for code, expected in WARMED:
        ended = run.run(code, {"a": 1})
        told = getattr(ended, "kind", None) or ended.json or ended.repr
        if told != expected:
            raise AssertionError(f"{code!r} came to {ended}")
    sys.stdin, sys.stdout, sys.stderr, sys.argv, sys.modules["__main__"] = own
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = own[:3]
    for name in ("last_exc", "last_type", "last_value", "last_traceback"):
        if hasattr(sys, name):
            delattr(sys, name)
    # Of modules that want to clean up after themselves; what the code registers is still called.
    atexit._clear()
    linecache.clearcache()
    sys.dont_write_bytecode = True
