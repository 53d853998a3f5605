"""Writes every board into `grafana/dashboards`, one file each: `python -m grafana.build`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.closed_loop import closed_loop
from grafana.feedback import feedback
from grafana.journey import journey
from grafana.operations import operations
from grafana.overview import overview

FOLDER = Path(__file__).parent / "dashboards"
BOARDS: dict[str, Callable[[], Dashboard]] = {
    "overview": overview,
    "journey": journey,
    "feedback": feedback,
    "closed-loop": closed_loop,
    "operations": operations,
}
"""Name of the file -> its board."""


def text(board: Dashboard) -> str:
    """The board as it is committed."""
    return json.dumps(board, cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Bring the folder up to date; boards that are no more go."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        if path.stem not in BOARDS:
            path.unlink()
    for name, make in BOARDS.items():
        (FOLDER / f"{name}.json").write_text(text(make()), encoding="utf-8")


if __name__ == "__main__":
    main()
