"""The pages about events and files say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from connectors import cloudevents, segment
from streams import codec, reasons
from streams.config.load import load_text

PAGES = Path(__file__).parents[2] / "docs" / "reference"


def page(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")


def test_every_reason_is_on_the_page_with_its_meaning() -> None:
    rows = re.findall(
        r"^\| `([a-z_]+)` \| (.*) \|$", page("events.md").split("## What cannot be taken")[1], re.MULTILINE
    )
    assert dict(rows) == reasons.INVALID


def test_the_record_on_the_page_is_a_canonical_one() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", page("events.md"), re.DOTALL)
    compact = block.replace("\n ", "").strip().encode()
    event = codec.decode(compact)
    assert not isinstance(event, codec.Rejection)
    assert codec.encode(event) == compact


def test_the_limits_on_the_page_are_those_of_the_doors() -> None:
    text = page("events.md")
    for said, limit in (
        ("A record may have 1 MiB", codec.MAX_BYTES == 1 << 20),
        ("One event may have 64 KiB", cloudevents.MAX_EVENT_BYTES == 64 << 10),
        ("32 KB, a request 500 KB", (segment.MAX_EVENT_BYTES, segment.MAX_BODY_BYTES) == (32 << 10, 500 << 10)),
    ):
        assert said in text
        assert limit


def test_the_block_on_the_page_is_valid_without_a_warning() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", page("sources.md"), re.DOTALL)
    loaded = load_text(block, "sources.md")
    assert loaded.warnings == ()
    assert loaded.config.sources["loan"].sequence == "seq_in_case"
