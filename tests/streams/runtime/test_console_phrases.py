"""The service's fixed sentences are known to the console, which says them in every language."""

from __future__ import annotations

import ast
import inspect
import json
import re
from types import ModuleType

import pytest

from detectors.steps import attribution
from streams.runtime.web import CONSOLE
from streams.stages import sight, signal_sight, source_alarms, step_finding

CODE = (CONSOLE / "phrases.js").read_text()
FORMS = {
    name: re.compile(pattern.replace("(?<", "(?P<")) for name, pattern in re.findall(r"(?m)^  (\w+): /(.+)/,$", CODE)
}
VALUES = {"_span": "4 min", "closed": "", "after": "12", "least": "nothing smaller than 60 %", "worst": "the worst"}
"""What stands in the place of a name or call; 7 for all others."""
MODULES: dict[ModuleType, tuple[str, ...]] = {
    sight: ("in_words", "rise_in_words"),
    signal_sight: ("in_words",),
    source_alarms: ("in_words",),
}


def formed(text: str) -> bool:
    """Whether the console knows it, whole or part by part."""
    known = [form for form in FORMS.values() if form.match(text)]
    return bool(known) or all(any(form.match(part) for form in FORMS.values()) for part in text.split(", "))


def filled(node: ast.expr) -> str:
    """A returned text with something in its gaps."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr)
    text = ""
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
        else:
            assert isinstance(part, ast.FormattedValue)
            inner = part.value.func if isinstance(part.value, ast.Call) else part.value
            text += _value(ast.unparse(inner), text)
    return text


def _value(name: str, before: str) -> str:
    if name == "least" and before.endswith("than "):
        return "0.3"
    if name == "what":
        return "an outage"
    return VALUES.get(name, "7")


def sentences() -> list[str]:
    """Everything the functions return, and the texts it is made of."""
    found = []
    for module, names in MODULES.items():
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.FunctionDef) and node.name in names:
                for line in ast.walk(node):
                    if isinstance(line, ast.Return):
                        values = line.value
                        both = [values.body, values.orelse] if isinstance(values, ast.IfExp) else [values]
                        found += [filled(one) for one in both if one is not None]
    return found


@pytest.mark.parametrize("text", sorted(set(sentences())))
def test_a_sentence_of_what_is_seen_is_known(text: str) -> None:
    assert formed(text), "add its form to phrases.js and its words to texts/*.json"


@pytest.mark.parametrize(
    "text",
    [
        "closed now; once open an outage within 40 s, nothing smaller within a day",
        "a tripling within more than 2 d, nothing smaller than 12 %",
        "the best score from everybody within 31 answers, nothing smaller than 0.25",
        "a silence of 14 min",
        attribution.untold(1_204, 2_000, None, 0.0).explanation,
        attribution.everywhere(None, 0.0).explanation,
        *re.findall(r'explanation="(.+?)"', inspect.getsource(step_finding)),
    ],
)
def test_so_is_what_is_put_together_from_parts_and_what_explains(text: str) -> None:
    assert formed(text)


def test_every_form_is_found_by_something() -> None:
    assert len(FORMS) > 25
    texts = json.loads((CONSOLE / "texts" / "en.json").read_text())
    assert {f"phrase.{name}" for name in FORMS} == {key for key in texts if key.startswith("phrase.")}


@pytest.mark.parametrize("name", sorted(FORMS))
def test_the_english_of_a_form_is_what_the_service_says(name: str) -> None:
    texts = json.loads((CONSOLE / "texts" / "en.json").read_text())
    said = re.sub(r"\{(\w+)\}", lambda gap: "4 min" if gap[1] == "span" else "7", texts[f"phrase.{name}"])
    assert FORMS[name].match(said)


def test_what_has_no_form_is_left_alone() -> None:
    assert not formed("checkout: 22 % fewer than 28 days ago")
    assert not formed("an outage within 4 min, and more")
