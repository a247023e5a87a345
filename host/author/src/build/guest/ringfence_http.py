"""Made by `ringfence build`. Lets Python's HTTP clients work: a connection here is a call to `ringfence:skill/http`.

`http.client`, `urllib.request`, `requests` and `httpx` write HTTP/1.1 to a socket and read HTTP/1.1 from it. The socket of
this module reads the request, asks the host for the response, and plays it back piece by piece."""

# Here and not in functions: when the skill runs there is no file to import from.
import encodings.idna
import errno
import http
import io
import ipaddress
import math
import socket
import sys
import urllib.error

import ringfence_ssl

# The interface of the host, and the error that its functions raise.
_host = _Err = None

# Headers of one connection: the host sets those of its own, and refuses these. The length is that of the body.
_OF_CONNECTION = frozenset({
    "accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
})
# Likewise in a response. Its body comes without chunks.
_OF_RESPONSE = frozenset({"connection", "keep-alive", "proxy-connection", "trailer", "transfer-encoding", "upgrade"})

# Most bytes of one piece of a body.
_PIECE = 64 << 10
_MOST_MILLISECONDS = 2**32 - 1

# What the URL standard escapes in a path and in a query, beside what is not ASCII.
_IN_PATH = frozenset(b' "#<>?`{}')
_IN_QUERY = frozenset(b" \"#<>'")
_DOT = frozenset({".", "%2e"})
_TWO_DOTS = frozenset({"..", ".%2e", "%2e.", "%2e%2e"})


class Denied(urllib.error.URLError, PermissionError):
    """No grant of the operator allows the request."""

    def __init__(self, method, url):
        bare = url.partition("?")[0]
        super().__init__(
            f"no grant allows {method} {url}; the operator can add --grant 'http {method} {bare}' "
            "(the report's `denied` has the reason)"
        )
        self.errno = errno.EACCES


class Failed(urllib.error.URLError, ConnectionError):
    """There is no response."""

    def __init__(self, reason):
        super().__init__(reason)
        self.errno = errno.ECONNREFUSED


class Socket:
    """A connection that carries HTTP/1.1 and nothing else. The host sends the request when its response is read."""

    family, type, proto = socket.AF_INET, socket.SOCK_STREAM, 6

    def __init__(self, host, port, timeout):
        self._host, self._port = host, port
        self._secure = False
        self._sent = bytearray()
        self._answer = None
        self._readers = 0
        self._closed = False
        self.settimeout(timeout)

    def settimeout(self, timeout):
        # Libraries have objects that stand for no timeout.
        self._timeout = timeout if isinstance(timeout, (int, float)) else None

    def gettimeout(self):
        return self._timeout

    def setblocking(self, blocking):
        self._timeout = None if blocking else 0.0

    def getblocking(self):
        return self._timeout != 0

    def setsockopt(self, *_):
        """There is nothing to set."""

    def getsockopt(self, *_):
        return 0

    def getpeername(self):
        return self._host, self._port

    def getsockname(self):
        return "0.0.0.0", 0

    def fileno(self):
        return -1

    def shutdown(self, how):
        """The host ends the connection."""

    def sendall(self, data, flags=0):
        if self._closed:
            raise OSError(errno.EBADF, "the connection is closed")
        if self._answer is not None:
            # The next request of the same connection.
            self._answer.close()
            self._answer = None
        self._sent += data

    def send(self, data, flags=0):
        view = memoryview(data)
        self.sendall(view)
        return view.nbytes

    def sendmsg(self, buffers, *_):
        return sum(self.send(buffer) for buffer in buffers)

    def recv(self, size, flags=0):
        return self._response().read(size)

    def recv_into(self, buffer, nbytes=0, flags=0):
        view = memoryview(buffer).cast("B")
        data = self.recv(nbytes or len(view))
        view[: len(data)] = data
        return len(data)

    def makefile(self, mode="r", buffering=None, **text):
        if mode.replace("b", "").strip() != "r":
            raise ValueError(f"a connection of this sandbox has no file of the mode {mode!r}")
        self._readers += 1
        reader = _Reader(self)
        if buffering == 0:
            return reader
        buffered = io.BufferedReader(reader, _PIECE if buffering in (None, -1) else buffering)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, **text)

    def close(self):
        self._closed = True
        self._free()

    def detach(self):
        self.close()
        return -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _let_go(self):
        self._readers -= 1
        self._free()

    def _free(self):
        # As of a real one: a file of the socket outlives it.
        if self._closed and self._readers <= 0 and self._answer is not None:
            self._answer.close()

    def _response(self):
        if self._answer is None:
            request = bytes(self._sent)
            self._sent.clear()
            self._answer = _ask(self, *_parse(request))
        return self._answer


class SSLSocket(Socket):
    """A connection to an `https` URL. The host does TLS and verifies the server, whatever the context of the program says."""

    def __init__(self, under, context, hostname):
        super().__init__(under._host, under._port, under._timeout)
        self._secure = True
        self.context, self.server_hostname, self.server_side, self.session = context, hostname, False, None
        # httpcore asks this one for the protocol.
        self._sslobj = self

    def do_handshake(self, block=False):
        """The host does it."""

    def getpeercert(self, binary_form=False):
        return b"" if binary_form else {}

    def version(self):
        return "TLSv1.3"

    def cipher(self):
        return None

    def selected_alpn_protocol(self):
        return "http/1.1"

    def compression(self):
        return None

    def pending(self):
        return 0

    def unwrap(self):
        return self


class _Reader(io.RawIOBase):
    """What `makefile` makes."""

    def __init__(self, sock):
        self._sock = sock

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._sock.recv_into(buffer)

    def close(self):
        if not self.closed:
            super().close()
            self._sock._let_go()


class _Answer:
    """The bytes of a response: its head, then its body as the host reads it."""

    def __init__(self, head, body):
        self._next, self._body = memoryview(head), body

    def read(self, size):
        if not self._next and self._body is not None and size > 0:
            self._next = memoryview(self._piece(min(size, _PIECE)))
        data = bytes(self._next[:size])
        self._next = self._next[len(data) :]
        return data

    def _piece(self, size):
        failed = None
        try:
            piece = self._body.read(max(size, 4096))
        except _Err as error:
            failed = error.value
        if failed is not None or not piece:
            self.close()
        # Outside of the `except`: the program is not to see the host's exception, which cannot be changed.
        if failed is not None:
            raise _error(failed, "", "")
        return piece

    def close(self):
        body, self._body = self._body, None
        if body is not None:
            body.__exit__(None, None, None)


def _parse(request):
    """The method, the target, the headers and the body of a request in the bytes of HTTP/1.1."""
    head, found, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if not found or len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Failed("a connection of this sandbox carries HTTP/1.1 and no other protocol")
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        headers.append((name.strip().lower(), value.strip()))
    named = dict(headers)
    if "chunked" in named.get("transfer-encoding", "").lower():
        body = _unchunked(body)
    elif "content-length" in named:
        if len(body) < int(named["content-length"]):
            raise Failed("the request ends before the end of its body")
    elif not body:
        body = None
    return words[0], words[1], headers, body


def _unchunked(body):
    whole = bytearray()
    while True:
        size, found, rest = body.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16) if found else 0
        if not found or len(rest) < length + 2:
            raise Failed("the request ends before the end of its body")
        if length == 0:
            return bytes(whole)
        whole += rest[:length]
        body = rest[length + 2 :]


def _ask(sock, method, target, headers, body):
    authority = _authority(sock._host, sock._port, sock._secure)
    named = dict(headers).get("host", authority)
    scheme = "https" if sock._secure else "http"
    url = f"{scheme}://{authority}{_target(target)}"
    kept = [(name, value.encode("latin-1")) for name, value in headers if name not in _OF_CONNECTION]
    if named.lower() not in (authority, f"{authority}:{sock._port}"):
        # The host says why it refuses that.
        kept.append(("host", named.encode("latin-1")))
    timeout = sock._timeout
    if timeout is not None:
        timeout = min(max(math.ceil(timeout * 1000), 1), _MOST_MILLISECONDS)
    # The program follows redirects itself, each with a request of its own.
    request = _host.Request(method, url, kept, body, timeout, _host.Redirects.MANUAL)
    failed = None
    try:
        head, pieces = _host.open(request)
    except _Err as error:
        failed = error.value
    if failed is not None:
        raise _error(failed, method, url)
    lines = [f"HTTP/1.1 {head.status} {_reason(head.status)}".encode()]
    lines += [name.encode() + b": " + value for name, value in head.headers if name.lower() not in _OF_RESPONSE]
    lines += [b"connection: close", b"", b""]
    return _Answer(b"\r\n".join(lines), pieces)


def _reason(status):
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _authority(host, port, secure):
    """The host and port as a URL has them."""
    host = host.lower().strip("[]")
    if ":" in host:
        host = f"[{ipaddress.ip_address(host).compressed}]"
    elif not host.isascii():
        host = host.encode("idna").decode()
    return host if port == (443 if secure else 80) else f"{host}:{port}"


def _target(target):
    """The path and query as the URL standard writes them: the host refuses other spellings."""
    if "://" in target.partition("?")[0]:
        raise Failed("a proxy cannot be used here")
    path, mark, query = target.partition("?")
    segments = []
    parts = path.replace("\\", "/").split("/")[1:]
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if part.lower() in _TWO_DOTS:
            del segments[-1:]
        elif part.lower() not in _DOT:
            segments.append(part)
            continue
        if last:
            segments.append("")
    return _escaped("/" + "/".join(segments), _IN_PATH) + mark + _escaped(query, _IN_QUERY)


def _escaped(text, special):
    plain = lambda byte: 0x20 < byte < 0x7F and byte not in special
    return "".join(chr(byte) if plain(byte) else f"%{byte:02X}" for byte in text.encode("latin-1"))


def _error(error, method, url):
    """The exception for an error of the host."""
    match error:
        case _host.Error_Denied():
            return Denied(method, url)
        case _host.Error_Timeout():
            return TimeoutError("timed out")
        case _host.Error_Invalid(value=why):
            return Failed(f"the host refuses the request: {why}")
        case _host.Error_Limit(value=why):
            return Failed(f"a limit was reached: {why}")
        case _:
            return Failed(error.value)


def _create_connection(address, timeout=socket._GLOBAL_DEFAULT_TIMEOUT, *_, **__):
    """In the place of `socket.create_connection`. Names are looked up by the host."""
    host, port = address
    if timeout is socket._GLOBAL_DEFAULT_TIMEOUT:
        timeout = socket.getdefaulttimeout()
    if isinstance(host, bytes):
        host = host.decode("ascii")
    return Socket(host, int(port), timeout)


def install(host, error):
    """Puts these connections in the place of sockets. `host` is the module of `ringfence:skill/http@0.2.0`, and `error` the
    exception of its functions. Comes before the import of `http.client`."""
    global _host, _Err
    _host, _Err = host, error
    socket.create_connection = _create_connection
    sys.modules["ssl"] = ringfence_ssl
    ringfence_ssl.SSLSocket = SSLSocket
    ringfence_ssl.connection = Socket


def settle():
    """Comes after the program's imports: some libraries have ways of their own to a socket."""
    if connection := sys.modules.get("urllib3.util.connection"):
        connection.create_connection = _create_connection
    if adapters := sys.modules.get("requests.adapters"):
        # It looks for a file of certificates. The host has its own.
        adapters.HTTPAdapter.cert_verify = lambda *_: None
