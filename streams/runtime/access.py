"""Who may do what over HTTP: write keys at the door, roles for the API, and what is open on loopback.

Without tokens everything is open to this machine and to nobody else: the service listens on loopback only, and the
Host and Origin of each request must be this machine's too, or a web page elsewhere could talk to it through the
user's own browser (DNS rebinding). With tokens, the token decides: sent along, or signed in with.
"""

from __future__ import annotations

import hashlib
import ipaddress
from base64 import b64decode
from collections.abc import Iterable
from enum import IntEnum

from aiohttp import web

from streams.config.structs import Access as AccessConfig
from streams.errors import CannotStart, UsageError
from streams.runtime.problems import Problem
from streams.runtime.sessions import Sessions

_NAMES = ("localhost", "127.0.0.1", "[::1]")
_SAFE = ("GET", "HEAD", "OPTIONS")
_REALM = {"WWW-Authenticate": 'Basic realm="touchline", charset="UTF-8"'}
_BEARER = {"WWW-Authenticate": 'Bearer realm="touchline"'}
"""No browser opens a dialogue for it: the console has a page to sign in on."""


class Role(IntEnum):
    """What a console token allows; each role may do what the ones before it may."""

    VIEWER = 1
    """Reads journeys, signals, alerts, decisions, health, metrics: nothing about one person."""
    AGENT = 2
    """Also speaks to alerts, works on cases, sees customers and what a dead letter holds."""
    ADMIN = 3
    """Also re-drives dead letters and replays deliveries."""


_ROLE = web.RequestKey("role", Role)


def parse_listen(text: str) -> tuple[str, int]:
    """`HOST:PORT` (IPv6 in brackets); raises UsageError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"--listen: expected HOST:PORT such as 127.0.0.1:8427 or [::1]:8427, got {text!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_listen(host: str, access: AccessConfig | None) -> None:
    """Raises CannotStart when the address is reached from elsewhere and the file has no tokens to ask for."""
    if is_loopback(host):
        return
    missing = []
    if access is None or not access.write_keys:
        missing.append("access.write_keys")
    if access is None or not access.console:
        missing.append("access.console")
    if missing:
        raise CannotStart(
            f"cannot listen on {host}: it is reached from other machines and the file has no"
            f" {' and no '.join(missing)}. Add tokens there, or listen on 127.0.0.1."
        )


class Tokens:
    """Tokens by digest, so that finding one takes the same time whatever was sent."""

    def __init__(self, tokens: Iterable[tuple[str, str, Role]]) -> None:
        """(token, name, role) of each."""
        self._known = {_digest(token): (name, role) for token, name, role in tokens}

    def __bool__(self) -> bool:
        return bool(self._known)

    def find(self, tokens: Iterable[str]) -> tuple[str, Role] | None:
        """Name and role of the first token that is known."""
        for token in tokens:
            found = self._known.get(_digest(token))
            if found is not None:
                return found
        return None


class Access:
    """Answers for each request whether it may pass; raises Problem 401 or 403 where it may not."""

    def __init__(self, config: AccessConfig | None) -> None:
        keys = config.write_keys if config is not None else ()
        console = config.console if config is not None else ()
        self.keys = Tokens((key.token.reveal(), key.name, Role.VIEWER) for key in keys)
        users = [(entry.token.reveal(), entry.name, Role[entry.role.upper()]) for entry in console]
        self.console = Tokens(users)
        self.sessions = Sessions((token, (name, role)) for token, name, role in users)
        self.port = 0
        """The port listened on; Host must name it where no token is asked for."""

    def writer(self, request: web.Request, written: str | None = None) -> str | None:
        """Name of the write key that sends events; None where the door is open to this machine.

        `written` is a key that came in the body, as browsers send it; the Authorization header goes first.
        """
        if not self.keys:
            self.same_machine(request)
            return None
        found = self.keys.find(carried(request) or ((written,) if written else ()))
        if found is None:
            raise Problem(
                401,
                "unauthorized",
                "The door takes a write key of the file's access.write_keys: as the user name of Basic"
                " authentication, or as a Bearer token.",
                headers=_REALM,
            )
        return found[0]

    def known(self, request: web.Request) -> tuple[str | None, Role] | None:
        """Name and role of who asks, by token or as signed in; everyone on this machine is an admin without tokens."""
        if not self.console:
            self.same_machine(request)
            return None, Role.ADMIN
        given = carried(request)
        return self.console.find(given) if given else self.sessions.find(request.cookies.get(self.cookie))

    def allow(self, request: web.Request, need: Role) -> Role:
        """The role of whoever has it, or of everyone on this machine where the file names no console tokens."""
        found = self.known(request)
        if found is None:
            raise Problem(
                401,
                "unauthorized",
                "A token of the file's access.console is needed: as a Bearer token, as the password of Basic"
                " authentication, or signed in with at /.",
                headers=_BEARER,
            )
        if found[1] < need:
            raise Problem(403, "forbidden", f"This needs the role {need.name.lower()}.")
        if self.console and request.method not in _SAFE:
            self.own_page(request, must_say=not carried(request))
        request[_ROLE] = found[1]
        return found[1]

    def sign_in(self, request: web.Request, token: str) -> tuple[str, Role, str]:
        """Name, role and cookie for a console token. Raises Problem 401 or 403."""
        if not self.console:
            self.same_machine(request)
            raise Problem(409, "no_tokens", "There is nothing to sign in to: the file names no access.console.")
        self.own_page(request, must_say=False)
        found = self.console.find((token,))
        if found is None:
            raise Problem(401, "unauthorized", "token: it is none of the file's access.console.", headers=_BEARER)
        return *found, self.sessions.issue(token)

    @property
    def cookie(self) -> str:
        """Name of the cookie: services on several ports of one host keep out of each other's way."""
        return f"touchline_{self.port}"

    def own_page(self, request: web.Request, *, must_say: bool) -> None:
        """Refuses what a browser sends on behalf of another site, with what it remembers of ours.

        `must_say`: the Origin may not be missing either. Browsers always name it with what changes something.
        """
        origin = request.headers.get("Origin")
        if (origin is None and must_say) or (origin is not None and origin.partition("://")[2] != request.host):
            raise Problem(403, "bad_origin", "Origin: expected the address this page was served from.")

    def same_machine(self, request: web.Request) -> None:
        """Refuses what a browser was led here to send from elsewhere."""
        hosts = [f"{name}:{self.port}" for name in _NAMES]
        if self.port == 80:
            hosts.extend(_NAMES)
        if request.headers.get("Host", "").lower() not in hosts:
            raise Problem(403, "bad_host", f"Host: expected {hosts[0]} or {hosts[1]}, as no token is asked for.")
        origin = request.headers.get("Origin")
        if origin is not None and origin.lower() not in [f"http://{host}" for host in hosts]:
            raise Problem(403, "bad_origin", f"Origin: expected http://{hosts[0]}, as no token is asked for.")


def role_of(request: web.Request) -> Role:
    """The role of whoever sent a request that passed; the least where nothing was asked for."""
    role: Role = request.get(_ROLE, Role.VIEWER)
    return role


def carried(request: web.Request) -> list[str]:
    """Tokens in the Authorization header: Bearer, or either half of Basic."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return [value] if value else []
    if scheme.lower() != "basic":
        return []
    try:
        user, _, password = b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return []
    return [text for text in (password, user) if text]


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode(), digest_size=32).digest()
