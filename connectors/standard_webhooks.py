"""Signatures of Standard Webhooks 1.0.0: https://github.com/standard-webhooks/standard-webhooks, spec of that version.

Symmetric keys only: `whsec_` and base64 of 24 to 64 bytes; HMAC-SHA256 over `{id}.{timestamp}.{body}`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
_LEAST, _MOST = 24, 64


def read_keys(secret: str) -> tuple[bytes, ...]:
    """The keys of a secret: one, or several separated by spaces. Raises ValueError with words that show none."""
    return tuple(_read_key(part) for part in secret.split())


def sign(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: one signature per key, separated by spaces. `timestamp` is in seconds."""
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    made = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(signature).decode()}" for signature in made)


def _read_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _LEAST <= len(key) <= _MOST:
        raise ValueError(f"expected a signing key: {PREFIX} and base64 of {_LEAST} to {_MOST} random bytes")
    return key
