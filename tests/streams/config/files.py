"""The files these tests read, and the environment they are read with."""

from __future__ import annotations

from pathlib import Path

from streams.config.load import Loaded, load_text

BAD = Path(__file__).parents[2] / "testdata" / "config"
GOOD = BAD / "good"
EXAMPLES = Path(__file__).parents[3] / "examples"
ENVIRONMENT = {
    "HOOK": "hook-value",
    "OFFERS": "webhook:https://example.org/offers",
    "SIGNING": "signing-value",
    "WEB_TOKEN": "no-such-kind",
    "ANNA_FILE": "/run/secrets/anna",
    "UNREADABLE_FILE": "/nowhere/secret",
}


def read_file(path: str) -> str:
    """Stands for the disk: one secret file exists."""
    if path == "/run/secrets/anna":
        return "anna-value\n"
    raise OSError(path)


def load(text: str, name: str = "shop.yml") -> Loaded:
    """Load with the environment above."""
    return load_text(text, name, environ=ENVIRONMENT, read_file=read_file)
