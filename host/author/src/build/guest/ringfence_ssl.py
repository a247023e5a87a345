"""Made by `ringfence build`. The names of the module `ssl` that HTTP clients use: this CPython has no TLS, and the host does
it. A context accepts every setting, and the host verifies each server whatever the settings are."""

import enum

# Set by `ringfence_http`: the socket that a context makes, and the connection that it makes it of.
SSLSocket = connection = None


class SSLError(OSError):
    """A failure of TLS. The host reports its own as failed connections."""

    library = reason = ""


class SSLZeroReturnError(SSLError):
    pass


class SSLWantReadError(SSLError):
    pass


class SSLWantWriteError(SSLError):
    pass


class SSLSyscallError(SSLError):
    pass


class SSLEOFError(SSLError):
    pass


class SSLCertVerificationError(SSLError, ValueError):
    pass


CertificateError = SSLCertVerificationError
socket_error = OSError


class VerifyMode(enum.IntEnum):
    CERT_NONE = 0
    CERT_OPTIONAL = 1
    CERT_REQUIRED = 2


class TLSVersion(enum.IntEnum):
    MINIMUM_SUPPORTED = -2
    SSLv3 = 768
    TLSv1 = 769
    TLSv1_1 = 770
    TLSv1_2 = 771
    TLSv1_3 = 772
    MAXIMUM_SUPPORTED = -1


class Purpose(enum.Enum):
    SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"


class VerifyFlags(enum.IntFlag):
    VERIFY_DEFAULT = 0
    VERIFY_X509_STRICT = 32
    VERIFY_X509_TRUSTED_FIRST = 32768
    VERIFY_X509_PARTIAL_CHAIN = 524288


class Options(enum.IntFlag):
    OP_NO_SSLv2 = 0
    OP_LEGACY_SERVER_CONNECT = 4
    OP_NO_TICKET = 16384
    OP_NO_COMPRESSION = 131072
    OP_NO_SSLv3 = 33554432
    OP_NO_TLSv1 = 67108864
    OP_NO_TLSv1_2 = 134217728
    OP_NO_TLSv1_1 = 268435456
    OP_NO_TLSv1_3 = 536870912


class _SSLMethod(enum.IntEnum):
    PROTOCOL_TLS = 2
    PROTOCOL_TLS_CLIENT = 16
    PROTOCOL_TLS_SERVER = 17


for _names in (VerifyMode, VerifyFlags, Options, _SSLMethod):
    globals().update(_names.__members__)
PROTOCOL_SSLv23 = PROTOCOL_TLS = _SSLMethod.PROTOCOL_TLS
PROTOCOL_TLSv1 = PROTOCOL_TLSv1_1 = PROTOCOL_TLSv1_2 = PROTOCOL_TLS

OPENSSL_VERSION = "OpenSSL 3.0.0 (none: the host does TLS)"
OPENSSL_VERSION_INFO = (3, 0, 0, 0, 0)
OPENSSL_VERSION_NUMBER = 0x30000000
HAS_SNI = HAS_ALPN = HAS_TLSv1_2 = HAS_TLSv1_3 = HAS_NEVER_CHECK_COMMON_NAME = True
HAS_SSLv2 = HAS_SSLv3 = HAS_TLSv1 = HAS_TLSv1_1 = HAS_NPN = HAS_ECDH = HAS_PSK = HAS_PHA = False
CHANNEL_BINDING_TYPES = []
SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, SSL_ERROR_SYSCALL, SSL_ERROR_EOF = 2, 3, 5, 8


class SSLContext:
    """Settings without an effect."""

    sslsocket_class = sslobject_class = sni_callback = keylog_filename = None
    post_handshake_auth = hostname_checks_common_name = False

    def __init__(self, protocol=None, *_, **__):
        self.protocol = _SSLMethod.PROTOCOL_TLS_CLIENT if protocol is None else protocol
        self.check_hostname = True
        self.verify_mode = VerifyMode.CERT_REQUIRED
        self.verify_flags = VerifyFlags.VERIFY_DEFAULT
        self.options = Options(0)
        self.minimum_version = TLSVersion.TLSv1_2
        self.maximum_version = TLSVersion.MAXIMUM_SUPPORTED

    def wrap_socket(self, sock, server_side=False, do_handshake_on_connect=True, suppress_ragged_eofs=True,
                    server_hostname=None, session=None):
        if server_side or not isinstance(sock, connection):
            raise SSLError("this sandbox has TLS for HTTP requests only")
        return SSLSocket(sock, self, server_hostname)

    def wrap_bio(self, *_, **__):
        raise SSLError("this sandbox has TLS for HTTP requests only")

    def load_verify_locations(self, cafile=None, capath=None, cadata=None):
        """The host has its own certificates."""

    def load_cert_chain(self, certfile, keyfile=None, password=None):
        raise SSLError("a program here cannot have a certificate; a grant of the operator can (`client-certificate`)")

    def load_default_certs(self, purpose=None):
        """The host has them."""

    set_default_verify_paths = set_alpn_protocols = set_ciphers = set_ecdh_curve = load_default_certs

    def get_ciphers(self):
        return []

    def get_ca_certs(self, binary_form=False):
        return []

    def cert_store_stats(self):
        return {"crl": 0, "x509": 0, "x509_ca": 0}

    def session_stats(self):
        return {}


class MemoryBIO:
    def __init__(self):
        raise SSLError("this sandbox has TLS for HTTP requests only")


class SSLObject:
    def __init__(self, *_, **__):
        raise SSLError("this sandbox has TLS for HTTP requests only")


class SSLSession:
    """There are none."""


def create_default_context(purpose=Purpose.SERVER_AUTH, *, cafile=None, capath=None, cadata=None):
    return SSLContext()


def _create_unverified_context(protocol=None, *_, **__):
    return SSLContext()


_create_default_https_context = create_default_context
_create_stdlib_context = _create_unverified_context


def get_default_verify_paths():
    import collections

    names = "cafile capath openssl_cafile_env openssl_cafile openssl_capath_env openssl_capath"
    return collections.namedtuple("DefaultVerifyPaths", names)(None, None, "SSL_CERT_FILE", "", "SSL_CERT_DIR", "")


def RAND_bytes(count):
    import os

    return os.urandom(count)


def RAND_status():
    return True


def match_hostname(cert, hostname):
    """The host has verified the name."""
