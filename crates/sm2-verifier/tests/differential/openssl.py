"""Judges SM2 and ES256 signatures with OpenSSL 3's libcrypto.

Reads lines of hexadecimal fields, separated by spaces: SubjectPublicKeyInfo, user id, message ("-" where
it is empty), signature in DER. With a user id it is SM2 with SM3, without one ECDSA with SHA-256. Writes a line of
one character each: "1" where it verifies, else "0".
"""

import ctypes
import ctypes.util
import sys

crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
for name in (
    "d2i_PUBKEY",
    "EVP_MD_CTX_new",
    "EVP_PKEY_CTX_new",
    "EVP_sha256",
    "EVP_sm3",
):
    getattr(crypto, name).restype = ctypes.c_void_p
crypto.d2i_PUBKEY.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long]
crypto.EVP_PKEY_CTX_new.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
crypto.EVP_PKEY_CTX_set1_id.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
crypto.EVP_MD_CTX_set_pkey_ctx.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
crypto.EVP_DigestVerifyInit.argtypes = [ctypes.c_void_p] * 5
crypto.EVP_DigestVerify.argtypes = [
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.c_char_p,
    ctypes.c_size_t,
]
for name in ("EVP_MD_CTX_free", "EVP_PKEY_CTX_free", "EVP_PKEY_free"):
    getattr(crypto, name).argtypes = [ctypes.c_void_p]

keys = {}


def key(der):
    """The parsed key; each is parsed once."""
    if der not in keys:
        buffer = ctypes.create_string_buffer(der, len(der))
        pointer = ctypes.c_void_p(ctypes.addressof(buffer))
        keys[der] = crypto.d2i_PUBKEY(None, ctypes.byref(pointer), len(der))
        if not keys[der]:
            sys.exit("OpenSSL does not read the key")
    return keys[der]


def verifies(der, user_id, message, signature):
    """Whether OpenSSL accepts the signature."""
    pkey = key(der)
    context = crypto.EVP_MD_CTX_new()
    pkey_context = crypto.EVP_PKEY_CTX_new(pkey, None)
    try:
        digest = crypto.EVP_sm3() if user_id else crypto.EVP_sha256()
        if user_id and crypto.EVP_PKEY_CTX_set1_id(pkey_context, user_id, len(user_id)) <= 0:
            sys.exit("OpenSSL takes no user id")
        crypto.EVP_MD_CTX_set_pkey_ctx(context, pkey_context)
        if crypto.EVP_DigestVerifyInit(context, None, digest, None, pkey) != 1:
            sys.exit("OpenSSL does not begin")
        good = crypto.EVP_DigestVerify(context, signature, len(signature), message, len(message))
        return good == 1
    finally:
        crypto.EVP_MD_CTX_free(context)
        crypto.EVP_PKEY_CTX_free(pkey_context)


for line in sys.stdin:
    fields = [bytes.fromhex(field.replace("-", "")) for field in line.split(" ")]
    print("1" if verifies(*fields) else "0", flush=True)
