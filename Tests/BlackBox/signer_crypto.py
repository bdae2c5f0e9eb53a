"""Runs in an environment of its own: verifies tokens with joserfc, and shows what of private keys can be in a memory.

Reads a JSON object from standard input and writes one to standard output.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Iterator

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_private_key
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry


def verified(question: dict[str, Any]) -> dict[str, Any]:
    """How many tokens are good by a key set, and why the first bad one is not."""
    keys = KeySet.import_key_set(question["jwks"])
    # The header has a member of SuperTokens' own, `version`.
    rules = JWSRegistry(algorithms=["RS256", "ES256"], strict_check_header=False)
    good, problem = 0, ""
    for token in question["tokens"]:
        try:
            decoded = jwt.decode(token, keys, registry=rules)
            good += 1 if "sub" in decoded.claims else 0
        except Exception as error:  # noqa: BLE001 - whatever it is, the token is bad
            problem = problem or repr(error)
    return {"good": good, "problem": problem}


def opened(line: str, secret: bytes) -> bytes:
    """The private key of a line of a signer's file, in PKCS#8."""
    key = json.loads(line)
    kind = "dynamic" if key["kid"].startswith("d-") else "static"
    sealed = bytes.fromhex(key["key"])
    assert sealed[:4] == b"TSK2"
    data = f"the key {key['kid']} of the app tessera-signer\n{kind}\n{key['alg']}\n{key['created']}"
    return AESGCM(secret).decrypt(sealed[4:16], sealed[16:], data.encode())


def parts(der: bytes) -> Iterator[bytes]:
    """The secret numbers of a key, in both orders of bytes, and the key itself."""
    key = load_der_private_key(der, None)
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        secrets = [(numbers.p, 128), (numbers.q, 128), (numbers.d, 256), (numbers.dmp1, 128), (numbers.dmq1, 128),
                   (numbers.iqmp, 128)]
    else:
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        secrets = [(key.private_numbers().private_value, 32)]
    for number, length in secrets:
        yield number.to_bytes(length, "big")[-32:]
        yield number.to_bytes(length, "little")[:32]


def needles(question: dict[str, Any]) -> dict[str, Any]:
    """What to search for: of the lines of a file, or of keys in PKCS#8."""
    keys = [bytes.fromhex(key) for key in question.get("keys", [])]
    secret = bytes.fromhex(question.get("secret", ""))
    keys += [opened(line, secret) for line in question.get("lines", [])]
    return {"needles": [part.hex() for key in keys for part in parts(key)]}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump({"verify": verified, "needles": needles}[asked["do"]](asked), sys.stdout)
