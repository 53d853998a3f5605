"""What the console says: the same in every language, and nothing of it in the code."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from streams import reasons
from streams.care.closing import DISPOSITIONS
from streams.care.state import STATES
from streams.runtime.web import CONSOLE
from streams.wording import BECAUSE

PLURALS = {
    "bg": {"one", "other"},
    "en": {"one", "other"},
    "ro": {"one", "few", "other"},
    "ru": {"one", "few", "many", "other"},
    "uk": {"one", "few", "many", "other"},
}
"""Forms by the CLDR, as `Intl.PluralRules` asks for them."""
TEXTS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted((CONSOLE / "texts").glob("*.json"))
}
NOT_SPOKEN = {"touchline demo", "Escape"}
"""Names, also of keys, not words."""
MODULES = sorted(CONSOLE.glob("*.js"))
ENGLISH = TEXTS["en"]


def forms(text: Any) -> list[str]:
    """Every form of a text."""
    return list(text.values()) if isinstance(text, dict) else [text]


def placeholders(text: str) -> set[str]:
    """Names in braces."""
    return set(re.findall(r"\{(\w+)\}", text))


def code(path: Any) -> str:
    """A module without its comments."""
    return re.sub(r"(?m)(^|\s)//.*$", "", path.read_text())


def test_every_language_is_there() -> None:
    assert set(TEXTS) == set(PLURALS)


@pytest.mark.parametrize("language", sorted(set(TEXTS) - {"en"}))
def test_every_language_has_the_same_texts_with_the_same_placeholders(language: str) -> None:
    other = TEXTS[language]
    assert set(other) == set(ENGLISH)
    for key, text in ENGLISH.items():
        assert isinstance(text, dict) == isinstance(other[key], dict), key
        named = set().union(*map(placeholders, forms(text)))
        for form in forms(other[key]):
            assert placeholders(form) <= named, key
        assert set().union(*map(placeholders, forms(other[key]))) == named, key


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_texts_that_count_have_every_form_of_the_language(language: str) -> None:
    for key, text in TEXTS[language].items():
        if isinstance(text, dict):
            assert set(text) == PLURALS[language], key
        assert all(form.strip() for form in forms(text)), key


@pytest.mark.parametrize(("language", "foreign"), [("uk", "[ыэъё]"), ("ru", "[іїєґ]"), ("bg", "[ыэёіїєґ]")])
def test_a_language_is_written_in_its_own_letters(language: str, foreign: str) -> None:
    names = {"SMS", "IVR", "JSON", "id", "n", "base64: ", "B", "push"}
    for key, text in TEXTS[language].items():
        for form in forms(text):
            words = re.sub(r"\{\w+\}|api/v1/\w+|touchline( \w+)?|access\.console", "", form)
            latin = set(re.findall(r"[A-Za-z]{2,}", words)) - {"SMS", "IVR", "JSON", "id", "base", "push"}
            assert not latin or form in names, key
            assert not re.search(foreign, form), key  # letters of another language


def test_only_what_is_the_same_in_both_reads_as_in_english() -> None:
    for language in sorted(set(TEXTS) - {"en"}):
        same = [key for key, text in TEXTS[language].items() if text == ENGLISH[key]]
        assert len(same) < 40, (language, same)


def test_no_module_asks_for_a_text_that_is_not_there_and_no_text_is_for_nobody() -> None:
    asked: set[str] = set()
    stems: set[str] = set()
    for path in MODULES:
        for plain in re.findall(r'"([a-z_]+(?:\.[\w]+)+)"', code(path)):
            asked.add(plain)
        for word in re.findall(r'\bt\("([^"]+)"', code(path)):
            assert word in ENGLISH, (path.name, word)
            asked.add(word)
        stems |= {f"{group}." for group in re.findall(r'\bword\("([^"]+)"', code(path))}
        stems |= set(re.findall(r"\bt\(`([^$`]*)\$", code(path)))
    stems |= {"window.", "measure."}  # the switches are named as what they choose
    unused = {key for key in ENGLISH if key not in asked and not any(stem and key.startswith(stem) for stem in stems)}
    assert unused == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_visible_text_is_in_the_code(path: Any) -> None:
    if path.name == "texts.js":
        return  # names each language in that language
    found = re.sub(r'(class|"stroke-dasharray"|transform): ([^,;"]*\? )?"[^"]*"( : "[^"]*")?', "", code(path))
    said = [text for line in found.splitlines() for text in re.findall(r'"([^"]*)"', line)]
    looks_spoken = re.compile(r"[A-Za-z]{2,},? [A-Za-z]{2,}|^[A-Z][a-z]+$")
    assert [text for text in said if looks_spoken.search(text) and text not in NOT_SPOKEN] == []


def test_words_of_the_service_have_their_texts() -> None:
    assert {f"gate.{reason}" for reason in BECAUSE} <= set(ENGLISH)
    assert {f"case.state.{state}" for state in STATES} <= set(ENGLISH)
    assert {f"case.disposition.{how}" for how in DISPOSITIONS} <= set(ENGLISH)
    known = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
    assert {f"reason.{reason}" for reason in known} <= set(ENGLISH)
