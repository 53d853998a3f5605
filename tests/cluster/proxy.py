"""A TCP proxy in front of Redis: workers keep their address while the server behind it changes, answers get lost."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

_EXEC = b"EXEC\r\n"


class Proxy:
    """Forwards to `upstream`; made and used from any thread, it runs in its own."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._pipes: set[asyncio.Task[None]] = set()
        self._cut = 0
        self._deliver = True
        self.cuts = 0
        """Transactions whose answer was lost so far."""
        self.port = 0

    @property
    def url(self) -> str:
        """Address of database 0 behind it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self, count: int, *, deliver: bool) -> None:
        """Drop the connection of each of the next `count` EXECs, after they were forwarded or instead."""
        self._cut, self._deliver = count, deliver

    def switch(self, upstream: tuple[str, int]) -> None:
        """Another server is behind the address from here on; open connections end."""
        self.upstream = upstream
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)

    @contextlib.contextmanager
    def running(self) -> Iterator[Proxy]:
        """Listens on a free port of the loopback."""
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(10)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(server.close)
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    async def _end(self) -> None:
        pipes = list(self._pipes)
        for pipe in pipes:
            pipe.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pipe = asyncio.current_task()
        assert pipe is not None
        self._pipes.add(pipe)
        back: asyncio.StreamWriter | None = None
        answers: asyncio.Task[None] | None = None
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                answer, back = await asyncio.open_connection(*self.upstream)
                answers = asyncio.create_task(_pass(answer, writer))
                if await self._ask(reader, back):
                    answers.cancel()
                    await asyncio.wait([answers])
                    back.write_eof()
                    while await answer.read(65_536):
                        pass  # the server has read all that was sent, done it, and ends the connection
        finally:
            self._pipes.discard(pipe)
            if answers is not None:
                answers.cancel()
            for end in (writer, back):
                if end is not None:
                    end.transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> bool:
        """Client to server until it ends, or a transaction's answer is to be lost; whether the server shall do it."""
        tail = b""
        while chunk := await reader.read(65_536):
            cut = self._cut > 0 and _EXEC in tail + chunk
            if cut:
                self._cut -= 1
                self.cuts += 1
                if not self._deliver:
                    return False
            tail = chunk[-len(_EXEC) :]
            back.write(chunk)
            await back.drain()
            if cut:
                return True
        return False


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Server to client; its end is the connection's end."""
    try:
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass
    except asyncio.CancelledError:
        return
    writer.transport.abort()
