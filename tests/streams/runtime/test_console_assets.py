"""The console's files, without a browser: small, self-contained, readable in both colour schemes."""

from __future__ import annotations

import re

import pytest

from streams.runtime.web import CONSOLE

FILES = sorted(path for path in CONSOLE.iterdir() if path.is_file())
STYLE = (CONSOLE / "style.css").read_text()
GROUNDS = ("page", "panel", "sunk")
TEXTS = ("ink", "soft", "accent", "bad", "good", "warn")


def scheme(text: str) -> dict[str, str]:
    """Colours by name."""
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", text))


LIGHT = scheme(STYLE.partition("@media (prefers-color-scheme: dark)")[0])
DARK = LIGHT | scheme(STYLE.partition("@media (prefers-color-scheme: dark)")[2])


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(colours: dict[str, str]) -> None:
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS] + [
        ("bad", "bad-wash"),
        ("ink", "bad-wash"),
        ("soft", "bad-wash"),
        ("warn", "warn-wash"),
        ("ink", "warn-wash"),
        ("soft", "warn-wash"),
        ("accent", "bad-wash"),
        ("accent", "warn-wash"),
    ]
    poor = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_interval_can_be_told_from_its_track(colours: dict[str, str]) -> None:
    assert contrast(colours["accent"], colours["track"]) >= 3
    assert contrast(colours["accent"], colours["band"]) >= 2


def test_the_console_is_small_and_names_no_other_host() -> None:
    assert sum(path.stat().st_size for path in FILES) < 150 * 1024
    for path in FILES:
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", path.read_text()))
        assert addresses - {"http://www.w3.org/2000/svg"} == set(), path.name


def test_every_file_of_the_console_is_used() -> None:
    page, script = (CONSOLE / "index.html").read_text(), (CONSOLE / "app.js").read_text()
    named = {name for name in ("app.js", "favicon.svg", "style.css") if f'"{name}"' in page}
    named |= set(re.findall(r'from "\./([\w.]+)";', script))
    assert {path.name for path in FILES} == {"index.html", *named}
