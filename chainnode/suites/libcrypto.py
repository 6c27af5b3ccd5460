"""SM2 from the system's libcrypto (OpenSSL ≥ 3) by ctypes; ADR-0002.

A thin binding and nothing else: keys in, DER signatures in and out. Rules of the SM2 formats
(r ‖ s, ranges, canonical keys) live in `chainnode.suites.sm`. Importing loads the library;
`chainnode.suites.sm` tests it before first use.

Two handles of one library: `_quick` keeps the GIL for calls of a microsecond, because giving
it up that often costs a busy process far more than it gains; `_long` releases it for curve
arithmetic. Every object that the library allocates has one owner that frees it.
"""

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint, c_ulong, c_void_p
from typing import Final, NoReturn

from chainnode.errors import ConfigurationError
from chainnode.suites.port import InvalidKey

# Names an operator may choose a newer build than the distribution's with.
LIBRARY_SETTING: Final = "KUN_LIBCRYPTO"
_DEFAULT_NAMES: Final = ("libcrypto.so.3", "libcrypto.so.4", "libcrypto.3.dylib")
_VERSION_MIN: Final = (3, 0, 0)

PUBLIC_KEY_BYTES: Final = 33
_SM2_NID: Final = 1172
_COMPRESSED: Final = 2
_SELECT_PUBLIC_KEY: Final = 0x86
_SELECT_KEY_PAIR: Final = 0x87
_PARAM_UNSIGNED_INTEGER: Final = 2
_PARAM_UTF8_STRING: Final = 4
_PARAM_OCTET_STRING: Final = 5
# A DER signature with two 33-byte integers has 72 bytes; the library asks for its own upper bound.
_DER_BYTES_MAX: Final = 80
# Two coordinates, a hash and their DER heads around an encrypted plaintext.
_CIPHERTEXT_BYTES_AROUND: Final = 128


class LibcryptoUnusable(ConfigurationError):
    """No libcrypto with SM2 could be loaded; the sentence names what mends it."""

    def __init__(self, *, expected: str, actual: str) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"suite sm needs {expected}, found {actual}: install OpenSSL ≥ 3 built with SM2"
            f" (Debian, Ubuntu, openEuler: package libssl3 or openssl-libs), or set"
            f" {LIBRARY_SETTING} to the libcrypto of such a build"
        )


class _Parameter(ctypes.Structure):
    """OSSL_PARAM(3)."""

    _fields_ = (
        ("key", c_char_p),
        ("data_type", c_uint),
        ("data", c_void_p),
        ("data_size", c_size_t),
        ("return_size", c_size_t),
    )


def _load() -> tuple[ctypes.PyDLL, ctypes.CDLL]:
    chosen = os.environ.get(LIBRARY_SETTING)
    for name in (chosen,) if chosen else _DEFAULT_NAMES:
        with contextlib.suppress(OSError):
            return ctypes.PyDLL(name), ctypes.CDLL(name)
    raise LibcryptoUnusable(
        expected="the system library libcrypto", actual=f"none named {chosen or _DEFAULT_NAMES}"
    )


_quick, _long = _load()

_Signature = tuple[type[object] | None, tuple[object, ...]]
_QUICK_FUNCTIONS: Final[dict[str, _Signature]] = {
    "OpenSSL_version": (c_char_p, (c_int,)),
    "OpenSSL_version_num": (c_ulong, ()),
    "ERR_clear_error": (None, ()),
    "EVP_MD_fetch": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "EVP_MD_CTX_new": (c_void_p, ()),
    "EVP_MD_CTX_free": (None, (c_void_p,)),
    "EVP_DigestSignInit": (c_int, (c_void_p, POINTER(c_void_p), c_void_p, c_void_p, c_void_p)),
    "EVP_DigestVerifyInit": (c_int, (c_void_p, POINTER(c_void_p), c_void_p, c_void_p, c_void_p)),
    "EVP_PKEY_CTX_set1_id": (c_int, (c_void_p, c_char_p, c_int)),
    "EVP_PKEY_CTX_new_from_name": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "EVP_PKEY_CTX_new_from_pkey": (c_void_p, (c_void_p, c_void_p, c_char_p)),
    "EVP_PKEY_CTX_free": (None, (c_void_p,)),
    "EVP_PKEY_fromdata_init": (c_int, (c_void_p,)),
    "EVP_PKEY_encrypt_init": (c_int, (c_void_p,)),
    "EVP_PKEY_decrypt_init": (c_int, (c_void_p,)),
    "EVP_PKEY_free": (None, (c_void_p,)),
    "EC_GROUP_new_by_curve_name": (c_void_p, (c_int,)),
    "EC_POINT_new": (c_void_p, (c_void_p,)),
    "EC_POINT_clear_free": (None, (c_void_p,)),
    "BN_bin2bn": (c_void_p, (c_char_p, c_int, c_void_p)),
    "BN_clear_free": (None, (c_void_p,)),
}
_LONG_FUNCTIONS: Final[dict[str, _Signature]] = {
    "EVP_PKEY_fromdata": (c_int, (c_void_p, POINTER(c_void_p), c_int, POINTER(_Parameter))),
    "EVP_DigestSign": (c_int, (c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t)),
    "EVP_DigestVerify": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
    "EVP_PKEY_encrypt": (c_int, (c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t)),
    "EVP_PKEY_decrypt": (c_int, (c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t)),
    "EC_POINT_mul": (c_int, (c_void_p,) * 6),
    "EC_POINT_point2oct": (
        c_size_t,
        (c_void_p, c_void_p, c_int, c_char_p, c_size_t, c_void_p),
    ),
}


def _declare(library: ctypes.CDLL, functions: dict[str, _Signature]) -> None:
    for name, (result, arguments) in functions.items():
        try:
            function = getattr(library, name)
        except AttributeError as error:
            raise LibcryptoUnusable(expected="OpenSSL ≥ 3", actual=f"one without {name}") from error
        function.restype = result
        function.argtypes = arguments


_declare(_quick, _QUICK_FUNCTIONS)
_declare(_long, _LONG_FUNCTIONS)


def version() -> tuple[int, int, int]:
    """Return (major, minor, patch) of the loaded library."""
    number: int = _quick.OpenSSL_version_num()
    return number >> 28, number >> 20 & 0xFF, number >> 4 & 0xFF


def version_text() -> str:
    """Return the library's own words, for reports: `OpenSSL 3.0.22 …`."""
    text: bytes = _quick.OpenSSL_version(0)
    return text.decode("ascii", "replace")


def _fetch_sm3() -> int:
    if version() < _VERSION_MIN:
        raise LibcryptoUnusable(expected="OpenSSL ≥ 3", actual=version_text())
    digest: int | None = _quick.EVP_MD_fetch(None, b"SM3", None)
    if not digest:
        raise LibcryptoUnusable(expected="SM3 in libcrypto", actual=version_text())
    return digest


def _fetch_group() -> int:
    group: int | None = _quick.EC_GROUP_new_by_curve_name(_SM2_NID)
    if not group:
        raise LibcryptoUnusable(expected="the curve SM2 in libcrypto", actual=version_text())
    return group


# Both live as long as the process.
_SM3: Final = _fetch_sm3()
_GROUP: Final = _fetch_group()


class Sm2Key:
    """Owns one EVP_PKEY; immutable, so threads may share it."""

    __slots__ = ("_free", "_handle")

    def __init__(self, handle: int) -> None:
        self._handle = handle
        # Of its own: at the end of the process this module's names go before the last key.
        self._free = _quick.EVP_PKEY_free

    def __del__(self) -> None:
        self._free(self._handle)

    def __repr__(self) -> str:
        return "Sm2Key(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key of libcrypto cannot be pickled or copied")

    def sign(self, content: bytes, *, user_id: bytes) -> bytes:
        """Return the DER signature over `content` under `user_id` (GB/T 32918.2)."""
        with _digest_context() as context:
            self._start(_quick.EVP_DigestSignInit, context, user_id)
            signature = ctypes.create_string_buffer(_DER_BYTES_MAX)
            size = c_size_t(_DER_BYTES_MAX)
            if _long.EVP_DigestSign(context, signature, byref(size), content, len(content)) != 1:
                raise _refused("signing")
            return signature.raw[: size.value]

    def is_signature(self, der: bytes, content: bytes, *, user_id: bytes) -> bool:
        """Tell whether `der` is a signature over `content` under `user_id`."""
        with _digest_context() as context:
            self._start(_quick.EVP_DigestVerifyInit, context, user_id)
            outcome = _long.EVP_DigestVerify(context, der, len(der), content, len(content))
            if outcome != 1:
                _quick.ERR_clear_error()
            return bool(outcome == 1)

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return the DER ciphertext of a short plaintext (GB/T 32918.4)."""
        found = self._transform(_quick.EVP_PKEY_encrypt_init, _long.EVP_PKEY_encrypt, plaintext)
        if found is None:
            raise _refused("encryption")
        return found

    def decrypt(self, der: bytes) -> bytes | None:
        """Return the plaintext of `encrypt`; None: it is not for this key, or was changed."""
        found = self._transform(_quick.EVP_PKEY_decrypt_init, _long.EVP_PKEY_decrypt, der)
        _quick.ERR_clear_error()
        return found

    def _transform(
        self,
        initialise: "ctypes._NamedFuncPointer",
        transform: "ctypes._NamedFuncPointer",
        data: bytes,
    ) -> bytes | None:
        with _owned(
            _quick.EVP_PKEY_CTX_new_from_pkey(None, self._handle, None), _quick.EVP_PKEY_CTX_free
        ) as context:
            if initialise(context) != 1:
                raise _refused("SM2 encryption")
            output = ctypes.create_string_buffer(len(data) + _CIPHERTEXT_BYTES_AROUND)
            size = c_size_t(len(output))
            try:
                done = transform(context, output, byref(size), data, len(data))
                return output.raw[: size.value] if done == 1 else None
            finally:
                ctypes.memset(output, 0, len(output))

    def _start(self, initialise: "ctypes._NamedFuncPointer", context: int, user_id: bytes) -> None:
        key_context = c_void_p()
        if initialise(context, byref(key_context), _SM3, None, self._handle) != 1:
            raise _refused("the key")
        # The default ID differs between OpenSSL 3 and 4: it is always set.
        if _quick.EVP_PKEY_CTX_set1_id(key_context, user_id, len(user_id)) != 1:
            raise _refused("the user ID")


def load_public_key(public_key: bytes) -> Sm2Key:
    """Parse a SEC 1 point; the library checks that it is on the curve.

    Raises:
        InvalidKey: it is not a point.

    """
    return _key_from(_SELECT_PUBLIC_KEY, (b"pub", _PARAM_OCTET_STRING, public_key))


def load_key_pair(secret: bytes) -> tuple[Sm2Key, bytes]:
    """Return the key of a big-endian scalar, range checked by the caller, and its public key."""
    public_key = _public_key_of(secret)
    # OSSL_PARAM integers are in native order.
    scalar = secret[::-1] if sys.byteorder == "little" else secret
    key = _key_from(
        _SELECT_KEY_PAIR,
        (b"priv", _PARAM_UNSIGNED_INTEGER, scalar),
        (b"pub", _PARAM_OCTET_STRING, public_key),
    )
    return key, public_key


def _key_from(selection: int, *fields: tuple[bytes, int, bytes]) -> Sm2Key:
    """Build a key from OSSL_PARAM fields (name, type, value); our copies are wiped."""
    rows = ((b"group", _PARAM_UTF8_STRING, b"SM2"), *fields)
    buffers = [ctypes.create_string_buffer(value, len(value)) for _, _, value in rows]
    parameters = (_Parameter * (len(rows) + 1))(
        *(
            _Parameter(name, kind, ctypes.addressof(buffer), len(value), 0)
            for (name, kind, value), buffer in zip(rows, buffers, strict=True)
        )
    )
    handle = c_void_p()
    try:
        with _owned(
            _quick.EVP_PKEY_CTX_new_from_name(None, b"SM2", None), _quick.EVP_PKEY_CTX_free
        ) as context:
            if _quick.EVP_PKEY_fromdata_init(context) != 1:
                raise _refused("SM2 keys")
            built = _long.EVP_PKEY_fromdata(context, byref(handle), selection, parameters)
    finally:
        for buffer in buffers:
            ctypes.memset(buffer, 0, len(buffer))
    if built != 1 or handle.value is None:
        _quick.ERR_clear_error()
        raise InvalidKey("expected a point of the curve SM2, got other bytes")
    return Sm2Key(handle.value)


def _public_key_of(secret: bytes) -> bytes:
    public_key = ctypes.create_string_buffer(PUBLIC_KEY_BYTES)
    with (
        _owned(_quick.BN_bin2bn(secret, len(secret), None), _quick.BN_clear_free) as scalar,
        _owned(_quick.EC_POINT_new(_GROUP), _quick.EC_POINT_clear_free) as point,
    ):
        if _long.EC_POINT_mul(_GROUP, point, scalar, None, None, None) != 1:
            raise _refused("the scalar")
        size = _long.EC_POINT_point2oct(
            _GROUP, point, _COMPRESSED, public_key, PUBLIC_KEY_BYTES, None
        )
        if size != PUBLIC_KEY_BYTES:
            raise _refused("the public key")
    return public_key.raw


@contextlib.contextmanager
def _owned(handle: int | None, free: Callable[[int], None]) -> Iterator[int]:
    if not handle:
        raise _refused("memory")
    try:
        yield handle
    finally:
        free(handle)


def _digest_context() -> contextlib.AbstractContextManager[int]:
    return _owned(_quick.EVP_MD_CTX_new(), _quick.EVP_MD_CTX_free)


def _refused(what: str) -> LibcryptoUnusable:
    _quick.ERR_clear_error()
    return LibcryptoUnusable(expected=f"a libcrypto that accepts {what}", actual=version_text())
