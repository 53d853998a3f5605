"""How the cluster's clients prove who they are, from the environment: a command line is read by everybody on a machine.

| variable | what it is |
|---|---|
| `TOUCHLINE_KAFKA_SECURITY_PROTOCOL` | `PLAINTEXT` (default), `SSL`, `SASL_PLAINTEXT` or `SASL_SSL` |
| `TOUCHLINE_KAFKA_SASL_MECHANISM` | `PLAIN` (default), `SCRAM-SHA-256` or `SCRAM-SHA-512` |
| `TOUCHLINE_KAFKA_USERNAME`, `…_PASSWORD` | with a SASL protocol |
| `TOUCHLINE_KAFKA_CA_FILE` | who signed the brokers' certificates; the system's list without it |
| `TOUCHLINE_KAFKA_CERT_FILE`, `…_KEY_FILE` | the client's own certificate and key, PEM, where brokers ask for one |
| `TOUCHLINE_REDIS_USERNAME`, `…_PASSWORD` | where the address of Redis names none |
| `TOUCHLINE_REDIS_CA_FILE`, `…_CERT_FILE`, `…_KEY_FILE` | as for Kafka, with `rediss://` |

Each `…_PASSWORD` may be in a file that `…_PASSWORD_FILE` names.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from streams.errors import CannotStart

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_KAFKA = "TOUCHLINE_KAFKA_"
_REDIS = "TOUCHLINE_REDIS_"


class Files(msgspec.Struct, frozen=True):
    """Certificates by the paths of their PEM files."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None


class KafkaSecurity(msgspec.Struct, frozen=True):
    """What a Kafka client needs besides the address. `of` reads it from an environment."""

    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = None
    files: Files = Files()

    @property
    def sasl(self) -> bool:
        """Whether a name and a password are sent."""
        return self.protocol.startswith("SASL_")

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted, and the broker's certificate checked."""
        return self.protocol.endswith("SSL")

    def context(self) -> ssl.SSLContext | None:
        """For TLS; host names are always checked. Raises CannotStart for files that cannot be used."""
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.files.ca)
            if self.files.cert is not None:
                context.load_cert_chain(self.files.cert, self.files.key)
        except (OSError, ssl.SSLError) as error:
            raise CannotStart(f"{_KAFKA}CA_FILE, …CERT_FILE or …KEY_FILE cannot be used: {error}") from None
        return context

    def options(self) -> dict[str, Any]:
        """Keyword arguments of aiokafka's clients."""
        found: dict[str, Any] = {"security_protocol": self.protocol}
        if self.tls:
            found["ssl_context"] = self.context()
        if self.sasl:
            found |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return found


def of(environ: Mapping[str, str]) -> KafkaSecurity:
    """Kafka's part of an environment. Raises CannotStart for what does not go together."""
    protocol = environ.get(f"{_KAFKA}SECURITY_PROTOCOL") or "PLAINTEXT"
    mechanism = environ.get(f"{_KAFKA}SASL_MECHANISM") or "PLAIN"
    for name, value, known in (("SECURITY_PROTOCOL", protocol, PROTOCOLS), ("SASL_MECHANISM", mechanism, MECHANISMS)):
        if value not in known:
            raise CannotStart(f"{_KAFKA}{name} is {value}, expected one of {', '.join(known)}")
    found = KafkaSecurity(
        protocol,
        mechanism,
        environ.get(f"{_KAFKA}USERNAME") or None,
        _secret(environ, f"{_KAFKA}PASSWORD"),
        _files(environ, _KAFKA),
    )
    if found.sasl and (found.username is None or found.password is None):
        raise CannotStart(
            f"{_KAFKA}SECURITY_PROTOCOL is {protocol}, so {_KAFKA}USERNAME and {_KAFKA}PASSWORD are needed"
        )
    if not found.sasl and (found.username is not None or found.password is not None):
        raise CannotStart(
            f"{_KAFKA}USERNAME or {_KAFKA}PASSWORD is set, but {_KAFKA}SECURITY_PROTOCOL is {protocol}, which sends"
            " neither; expected SASL_SSL"
        )
    if not found.tls and found.files != Files():
        raise CannotStart(
            f"a certificate for Kafka is set, but {_KAFKA}SECURITY_PROTOCOL is {protocol}, which uses none; expected"
            " SSL or SASL_SSL"
        )
    return found


def kafka() -> KafkaSecurity:
    """Of this process. Raises CannotStart."""
    return of(os.environ)


def redis(url: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Keyword arguments of redis-py's `from_url`; what the URL says itself wins. Raises CannotStart."""
    found: dict[str, Any] = {}
    if username := environ.get(f"{_REDIS}USERNAME"):
        found["username"] = username
    if password := _secret(environ, f"{_REDIS}PASSWORD"):
        found["password"] = password
    files = _files(environ, _REDIS)
    if url.startswith("rediss:"):
        named = {"ssl_ca_certs": files.ca, "ssl_certfile": files.cert, "ssl_keyfile": files.key}
        found |= {name: path for name, path in named.items() if path is not None}
    elif files != Files():
        raise CannotStart("a certificate for Redis is set, but its address does not begin with rediss://")
    return found


def _files(environ: Mapping[str, str], prefix: str) -> Files:
    files = Files(*(environ.get(f"{prefix}{name}_FILE") or None for name in ("CA", "CERT", "KEY")))
    for path in (files.ca, files.cert, files.key):
        if path is not None and not Path(path).is_file():
            raise CannotStart(f"{prefix}…_FILE: there is no file {path}")
    if files.key is not None and files.cert is None:
        raise CannotStart(f"{prefix}KEY_FILE is set without {prefix}CERT_FILE")
    return files


def _secret(environ: Mapping[str, str], name: str) -> str | None:
    """A secret, or the content of the file that `NAME_FILE` names."""
    if value := environ.get(name):
        return value
    path = environ.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise CannotStart(f"{name}_FILE: {path} cannot be read: {error.strerror}") from None
