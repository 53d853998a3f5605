"""Receivers for tests of sinks: HTTP and SMTP on free ports of loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from connectors.sinks.contract import Opening
from streams.delivery.message import Batch, Message
from tests.streams.delivery.messages import TIME


class Http:
    """Notes what comes, answers `status` with `headers`."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        """Method, path, headers (lower case), body."""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): text for name, text in request.headers.items()}
        self.requests.append((request.method, request.path_qs, headers, await request.read()))
        return web.Response(status=self.status, headers=self.headers, text="an answer with https://secret.example")


@asynccontextmanager
async def http() -> AsyncIterator[Http]:
    peer = Http()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", peer.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    peer.port = int(runner.addresses[0][1])
    try:
        yield peer
    finally:
        await runner.cleanup()


class Smtp:
    """As much of a mail server as a client needs.

    `answers` replaces what it says to a VERB, or to a whole line in lower case.
    """

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []
        """Sender, recipients, mail."""
        self.commands: list[str] = []
        self.answers: dict[str, str] = {}
        self.offers: list[str] = []
        self.port = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipients = "", list[str]()

        def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())

        say("220 peer")
        while line := await reader.readline():
            command = line.decode().strip()
            self.commands.append(command)
            verb = command.partition(" ")[0].upper()
            answer = self.answers.get(command.lower()) or self.answers.get(verb)
            if answer:
                say(answer)
            elif verb == "EHLO":
                lines = ["peer", *self.offers]
                for number, offer in enumerate(lines, 1):
                    say(f"250{' ' if number == len(lines) else '-'}{offer}")
            elif verb == "MAIL":
                sender = command.partition(":")[2].partition(" ")[0]
                say("250 ok")
            elif verb == "RCPT":
                recipients.append(command.partition(":")[2])
                say("250 ok")
            elif verb == "DATA":
                say("354 go on")
                body = b""
                while (part := await reader.readline()) not in (b".\r\n", b""):
                    body += part
                self.mails.append((sender, recipients, body))
                sender, recipients = "", []
                say("250 taken")
            elif verb == "QUIT":
                say("221 bye")
                break
            else:
                say("250 ok")
        writer.close()


@asynccontextmanager
async def smtp() -> AsyncIterator[Smtp]:
    peer = Smtp()
    server = await asyncio.start_server(peer.handle, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    async with server:
        yield peer


def opening(address: str, secret: str | None = None, *, allow_private: bool = True, **variables: str) -> Opening:
    """What a sink is made from; `variables` stand in for the environment."""
    return Opening(address, secret, allow_private, lambda name: variables.get(name, ""))


def batch(*messages: Message, at: int = TIME) -> Batch:
    return Batch(messages, at)
