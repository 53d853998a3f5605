"""The console's files, without a browser: small, self-contained, readable in both colour schemes."""

from __future__ import annotations

import re

import pytest

from streams.runtime.web import CONSOLE
from tests.streams.runtime.memory_service import MemoryService, serving

FILES = sorted(path for path in CONSOLE.rglob("*") if path.is_file())
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
    for path in FILES:
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", path.read_text()))
        assert addresses - {"http://www.w3.org/2000/svg"} == set(), path.name
    assert {
        path.name: size for path in FILES if (size := len(path.read_text().splitlines())) > 300 and path.suffix == ".js"
    } == {}


def reached(how: str) -> set[str]:
    """Modules that app.js brings, by `from` alone or also by `import(` once they are asked for."""
    found, ahead = set[str](), {"app.js"}
    while ahead:
        name = ahead.pop()
        found.add(name)
        ahead |= set(re.findall(rf'(?:{how})"\./([\w.]+)"', (CONSOLE / name).read_text())) - found
    return found


@pytest.mark.parametrize("language", ["bg", "en", "ro", "ru", "uk"])
async def test_the_first_page_weighs_less_than_150_kib_as_it_is_and_a_third_of_that_compressed(language: str) -> None:
    sent = zipped = 0
    async with serving(MemoryService()) as client:
        for path in [
            *map(CONSOLE.joinpath, sorted({"index.html", "style.css", "favicon.svg", *reached("from ")})),
            CONSOLE / "texts" / f"{language}.json",
        ]:
            name = path.relative_to(CONSOLE).as_posix().removesuffix("index.html")
            async with client.get(f"/{name}", headers={"Accept-Encoding": "identity"}) as answer:
                body = await answer.read()
            sent += len(body)
            async with client.get(f"/{name}", headers={"Accept-Encoding": "gzip"}) as answer:
                assert answer.headers["Content-Encoding"] == "gzip"
                assert await answer.read() == body
                zipped += int(answer.headers["Content-Length"])
    assert sent < 150 * 1024
    assert zipped < 50 * 1024


async def test_what_a_browser_has_already_is_not_sent_again() -> None:
    async with serving(MemoryService()) as client:
        tag = (await client.get("/app.js")).headers["ETag"]
        async with client.get("/app.js", headers={"If-None-Match": tag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
        async with client.get("/app.js", headers={"If-None-Match": '"another"'}) as answer:
            assert answer.status == 200


def test_every_file_of_the_console_is_used() -> None:
    page = (CONSOLE / "index.html").read_text()
    used = {"index.html", *reached(r"from |import\(")}
    used |= {name for name in ("favicon.svg", "style.css") if f'"{name}"' in page}
    used |= set(re.findall(r'href: "([\w.]+\.css)"', "".join((CONSOLE / name).read_text() for name in used)))
    assert {path.name for path in FILES if path.parent == CONSOLE} == used


def test_what_only_some_pages_need_comes_with_them() -> None:
    assert not {"cases.js", "alarm.js", "story.js", "wall.js", "letters.js"} & reached("from ")
