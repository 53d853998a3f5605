"""Mails by SMTP: `email:ops@example.com`, or several addresses separated by commas.

The server comes from the environment, not from the file: `TOUCHLINE_SMTP_URL` (`smtp://HOST:587` with STARTTLS,
`smtps://HOST:465` with TLS from the start, user and password in the usual place) and `TOUCHLINE_SMTP_FROM`, the sender.
STARTTLS is used wherever the server offers it and demanded where a password is sent or `?starttls=required` says so.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from connectors import prose
from connectors.sinks.contract import NotEquipped, Opening, Receiving
from streams.delivery.message import Batch
from streams.delivery.outcome import Delivered, Outcome, Retry
from streams.delivery.receivers import Abilities
from streams.units import SECOND

SERVER, SENDER = "TOUCHLINE_SMTP_URL", "TOUCHLINE_SMTP_FROM"
_SECONDS = 10.0
"""How long one step of the conversation may take; the thread that waits cannot be cancelled."""
_THREADS = 2


class Server(msgspec.Struct, frozen=True):
    """Where mails are handed in."""

    host: str
    port: int
    tls: bool
    """From the start."""
    starttls: bool
    """Demanded; used where offered in any case."""
    user: str | None
    password: str | None


class Sink(Receiving):
    """Sends one mail per batch, over a connection of its own."""

    abilities = Abilities(groups=True, most=20, digest=500)

    def __init__(self, opening: Opening) -> None:
        self._to = tuple(_address(part) for part in opening.address.split(","))
        self._console = opening.console
        server, sender = opening.variable(SERVER), opening.variable(SENDER)
        if not server or not sender:
            raise NotEquipped(f"{SERVER if not server else SENDER} is not set: which server takes mails, and from whom")
        try:
            self._server, self._from = read_server(server), _address(sender)
        except ValueError as error:
            raise NotEquipped(f"{SERVER}, {SENDER}: {error}") from None
        self._threads = ThreadPoolExecutor(_THREADS, "email")

    async def send(self, batch: Batch) -> Outcome:
        mail = mail_of(batch, self._from, self._to, self._console)
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._hand_in, mail)
        except smtplib.SMTPAuthenticationError:
            return Retry("the mail server refuses the user or password")
        except smtplib.SMTPResponseException as error:
            return Retry(f"the mail server answers {error.smtp_code}")
        except smtplib.SMTPRecipientsRefused as error:
            return Retry(f"the mail server answers {min(code for code, _ in error.recipients.values())}")
        except smtplib.SMTPNotSupportedError:
            return Retry("the mail server offers no STARTTLS")
        except ssl.SSLError:
            return Retry("TLS: no secure connection to the mail server")
        except (smtplib.SMTPException, OSError) as error:
            return Retry(f"the mail server cannot be reached ({type(error).__name__})")
        return Delivered()

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _hand_in(self, mail: EmailMessage) -> None:
        server = self._server
        context = ssl.create_default_context()
        client: smtplib.SMTP
        if server.tls:
            client = smtplib.SMTP_SSL(server.host, server.port, timeout=_SECONDS, context=context)
        else:
            client = smtplib.SMTP(server.host, server.port, timeout=_SECONDS)
        with client:
            client.ehlo()
            if not server.tls and (server.starttls or client.has_extn("starttls")):
                client.starttls(context=context)
                client.ehlo()
            if server.user is not None:
                client.login(server.user, server.password or "")
            client.send_message(mail)  # raises unless somebody gets it; more attempts would only repeat it for them


def mail_of(batch: Batch, sender: str, to: tuple[str, ...], console: str = "") -> EmailMessage:
    """Plain text. The same decision makes the same Message-ID, and what is about one incident is one thread.

    `console` is where people open it; an alert links to its page there.
    """
    first = batch.messages[0]
    mail = EmailMessage()
    subject = prose.collected(batch.messages) if batch.digest else prose.together(batch.messages)
    mail["Subject"] = " ".join(subject.split())[:200]
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(datetime.fromtimestamp(batch.at // SECOND, UTC))
    mail["Message-ID"] = f"<{first.id}@touchline>"
    thread = first.text("incident") or first.text("case")
    if thread and not batch.digest:
        mail["References"] = f"<{''.join(filter(_plain, thread))}@touchline>"
    mail["Auto-Submitted"] = "auto-generated"  # so that no absence notice comes back
    parts = []
    if batch.digest:
        parts.append("\n".join(f"{message.time}  {prose.headline(message)}" for message in batch.messages))
    for message in batch.messages:
        lines = [prose.headline(message), ""]
        said = [*prose.facts(message), ("console", prose.page(message, console))]
        lines += [f"{name + ':':14}{text}" for name, text in said if text]
        parts.append("\n".join([*lines, "", f"{message.kind} {message.id}"]))
    mail.set_content("\n\n----\n\n".join(parts) + "\n")
    return mail


def read_server(text: str) -> Server:
    """Raises ValueError with words that show none of it."""
    try:
        parts = urlsplit(text)
        tls = parts.scheme == "smtps"
        port = parts.port or (465 if tls else 587)
        good = parts.scheme in ("smtp", "smtps") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise ValueError("expected a server such as smtp://user:password@mail.example.org:587")
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    demanded = user is not None or parse_qs(parts.query).get("starttls") == ["required"]
    return Server(parts.hostname or "", port, tls, demanded, user, password)


def _address(text: str) -> str:
    try:
        return Address(addr_spec=text.strip()).addr_spec
    except (ValueError, IndexError):
        raise ValueError("expected an address such as ops@example.com") from None


def _plain(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter in "-._")
