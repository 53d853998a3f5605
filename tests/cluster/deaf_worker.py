"""A worker whose Faust consumer fetches nothing any more once a file is there; started by `test_stopped_consumer`.

Arguments: that file, then those of `touchline worker`. Its watchdogs are quicker than those of the product. Once it is
deaf there is the same file with the suffix `.done`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import faust

from streams.cli import main
from streams.runtime.cluster import delivery_agent, watcher
from streams.runtime.cluster.dispatch import Dispatch
from streams.runtime.cluster.progress import Watchdog

_attach = delivery_agent.attach


def attach(app: faust.App, dispatch: Dispatch, topic: str) -> None:
    """As the worker does, and a timer that ends the fetching."""
    _attach(app, dispatch, topic)

    @app.timer(interval=0.2)  # type: ignore[untyped-decorator]  # Faust's decorator is untyped
    async def deafen() -> None:
        thread = getattr(app.consumer, "_thread", None)
        if DEAF.exists() and thread is not None:
            fetcher = thread._consumer._fetcher
            thread.thread_loop.call_soon_threadsafe(fetcher._fetch_task.cancel)
            if fetcher._fetch_task.done() and all(task.done() for task in list(fetcher._pending_tasks)):
                DEAF.with_suffix(".done").touch()


if __name__ == "__main__":
    DEAF = Path(sys.argv[1])
    Watchdog.__init__.__defaults__ = (6.0,)
    watcher.LOOK_SECONDS = 1.0
    delivery_agent.attach = attach
    sys.exit(main(sys.argv[2:]))
