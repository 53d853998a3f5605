"""The reference page of the file is made from the code and current."""

from __future__ import annotations

from pathlib import Path

from streams.config.reference import reference

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "file.md"


def test_the_page_is_current() -> None:
    """Mend with `touchline schema --markdown > docs/reference/file.md`."""
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_the_page_shows_defaults_in_the_units_of_the_file() -> None:
    page = reference()
    assert "| `retain` | a duration such as 30m | `400d` |" in page
    assert "| `false_alarms` | a rate such as 1 per week | `1 per week` |" in page
