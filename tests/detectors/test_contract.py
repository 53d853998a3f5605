"""What every detector keeps to, tried on each that a file may name; a new one is found by itself."""

from __future__ import annotations

import inspect
import math
import random
import re
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest

from detectors import contract
from detectors.contract import Detector, Guarantee, Verdict

Draw = Callable[[random.Random], float]


class Change(NamedTuple):
    """A series that is quiet for a while and then changes, and when the alarm has to come."""

    quiet: Draw
    changed: Draw
    after: int = 1500
    within: int = 300
    options: dict[str, Any] = {}


def count(mean: float) -> Draw:
    return lambda chance: float(sum(chance.random() < mean / 40 for _ in range(40)))


def coin(share: float) -> Draw:
    return lambda chance: float(chance.random() < share)


ANY = Change(lambda chance: chance.gauss(10, 1), lambda chance: chance.gauss(30, 1), after=4000)
"""For a detector that takes any number; one that is calibrated on the past needs some."""
SHORT = 600
"""Quiet updates where no alarm is waited for."""
CHANGES = {
    "poisson_drop": Change(count(3), count(0.5), within=30, options={"expected": 3.0}),
    "negative_binomial_surge": Change(count(3), count(9), within=30, options={"expected": 3.0, "dispersion": 1.5}),
    "bernoulli_at_age": Change(coin(0.1), coin(0.6), within=60, options={"share": 0.1}),
    "bounded_mean": Change(
        lambda chance: chance.choice([8, 9, 10]), lambda chance: chance.choice([1, 4, 5]), within=60
    ),
    "gap": Change(coin(0.8), coin(0.0), within=30),
    "page_hinkley": Change(ANY.quiet, ANY.changed, options={"threshold": 100.0}),
}
NAMES = contract.names()
EACH = pytest.mark.parametrize("name", NAMES)
BUDGETED = [name for name in NAMES if contract.find(name).guarantee != "none"]
EXTREMES = [0.0, 1.0, 0.5, -1.0, 1e12, -1e12, 1e-300, 1e300, -1e300, math.inf, -math.inf, 0.0, 1.0]


def change_of(name: str) -> Change:
    return CHANGES.get(name, ANY)


def made(name: str, **options: Any) -> Detector:
    return contract.find(name)(**{**change_of(name).options, **options})


def series(name: str, seed: int, *, quiet: int = SHORT, changed: int = 300) -> list[float]:
    change, chance = change_of(name), random.Random(seed)
    return [float(change.quiet(chance)) for _ in range(quiet)] + [float(change.changed(chance)) for _ in range(changed)]


def changing(name: str) -> list[float]:
    """Quiet for as long as it takes, then changed for as long as an alarm may take."""
    change = change_of(name)
    return series(name, 1, quiet=change.after, changed=change.within)


def first_alarm(detector: Detector, numbers: list[float], credit: float | None = None) -> int | None:
    return next((at for at, x in enumerate(numbers) if detector.update(x, credit).alarm), None)


def test_the_detectors_of_the_package_are_found_by_name() -> None:
    assert {"adwin", "bernoulli_at_age", "bounded_mean", "gap", "negative_binomial_surge", "page_hinkley"} < set(NAMES)
    assert "poisson_drop" in NAMES
    assert not {"contract", "recursion", "state", "gap_law", "learnt_mean"} & set(NAMES)


def test_a_name_that_no_detector_has_is_a_key_error() -> None:
    for name in ("contract", "recursion", "nobody", "PageHinkley"):
        with pytest.raises(KeyError, match=name):
            contract.find(name)


@EACH
def test_it_is_made_without_options_and_keeps_its_parameters_under_their_names(name: str) -> None:
    kind = contract.find(name)
    detector = kind()
    for parameter in list(inspect.signature(kind.__init__).parameters.values())[1:]:
        assert parameter.default is not inspect.Parameter.empty, f"{parameter.name} has no default"
        assert getattr(detector, parameter.name) == parameter.default
    for option, value in change_of(name).options.items():
        assert getattr(made(name), option) == value


@EACH
def test_an_unknown_option_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="no_such_option"):
        contract.find(name)(**{"no_such_option": 1})


@EACH
def test_its_docstring_tells_an_operator_what_it_notices_and_what_each_parameter_does(name: str) -> None:
    kind = contract.find(name)
    text = inspect.getdoc(kind) or ""
    assert len(text.partition("\n\n")[0].split()) >= 5, "what it notices, in a sentence"
    sections = re.split(r"^(\w+)\n-+\n", text, flags=re.MULTILINE)
    found = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert found.keys() >= {"Parameters", "Examples", "References"}
    described = re.findall(r"^(\w+(?:, \w+)*)(?: : .*)?$", found["Parameters"], flags=re.MULTILINE)
    named = {one for line in described for one in line.split(", ")}
    assert named >= set(list(inspect.signature(kind.__init__).parameters)[1:]), "a parameter is not described"
    assert re.search(r">>> .*\n(?:(?:>>>|\.\.\.) .*\n)*alarm at \d+|\balarm", found["Examples"])
    assert "µs" in text, "what one update costs"
    assert "memory" in text.lower(), "what one series keeps"
    assert kind.guarantee in get_args(Guarantee)


@EACH
def test_it_alarms_after_the_change_and_not_before(name: str) -> None:
    change = change_of(name)
    at = first_alarm(made(name), changing(name))
    assert at is not None
    assert change.after <= at < change.after + change.within


@EACH
def test_a_quiet_series_of_tiny_credit_says_nothing(name: str) -> None:
    assert first_alarm(made(name), series(name, 2, quiet=1500, changed=0), credit=1e-9) is None


@EACH
def test_a_constant_series_says_nothing(name: str) -> None:
    usual = statistics.median(series(name, 3, changed=0))
    assert first_alarm(made(name), [usual] * 1000, credit=1e-9) is None


@pytest.mark.parametrize("name", BUDGETED)
def test_without_credit_nothing_alarms(name: str) -> None:
    assert first_alarm(made(name), changing(name), credit=0.0) is None


@EACH
def test_the_evidence_begins_anew_after_an_alarm(name: str) -> None:
    detector = made(name)
    assert first_alarm(detector, changing(name)) is not None
    verdict = detector.update(math.nan)
    assert not verdict.alarm
    assert verdict.level < 0.1


@EACH
def test_levels_are_numbers_from_0_up_and_alarms_are_those_from_1_up(name: str) -> None:
    detector = made(name)
    for x in series(name, 4):
        verdict = detector.update(x)
        assert isinstance(verdict, Verdict)
        assert isinstance(verdict.alarm, bool)
        assert isinstance(verdict.level, float)
        assert verdict.level >= 0
        assert verdict.alarm == (verdict.level >= 1)


@EACH
def test_a_number_that_is_none_is_passed_over(name: str) -> None:
    detector = made(name)
    assert detector.update(math.nan) == Verdict(False, 0.0)
    for x in series(name, 5, changed=10):
        verdict = detector.update(x)
        before = detector.snapshot()
        passed = detector.update(math.nan)
        assert not passed.alarm
        assert verdict.alarm or passed.level == verdict.level
        assert detector.snapshot() == before


@EACH
def test_the_same_numbers_give_the_same_verdicts(name: str) -> None:
    one, other = made(name), made(name)
    for x in series(name, 6, changed=300):
        assert one.update(x) == other.update(x)
    assert one.snapshot() == other.snapshot()


@EACH
@pytest.mark.parametrize("read", [0, 1, 400, 610])
def test_a_copy_through_its_snapshot_goes_on_bit_for_bit(name: str, read: int) -> None:
    numbers, detector, copy = series(name, 7, changed=300), made(name), made(name)
    for x in numbers[:read]:
        detector.update(x)
    for x in numbers[:50]:
        copy.update(x)
    body = detector.snapshot()
    assert isinstance(body, bytes)
    copy.restore(body)
    assert copy.snapshot() == body == detector.snapshot()
    for x in numbers[read:]:
        assert detector.update(x) == copy.update(x)
    assert copy.snapshot() == detector.snapshot()


@EACH
def test_what_it_did_not_write_is_refused_and_changes_nothing(name: str) -> None:
    detector = made(name)
    for x in series(name, 8, changed=5):
        detector.update(x)
    body = detector.snapshot()
    others = [made(other).snapshot() for other in NAMES if other != name]
    for wrong in (b"", b"\x00", b"\xc0", b"garbage", body[:-1], body[: len(body) // 2], body + b"\x00", *others):
        with pytest.raises(ValueError):  # noqa: PT011 – each says it in its own words
            detector.restore(wrong)
        assert detector.snapshot() == body


@EACH
def test_extreme_numbers_are_taken_or_refused_and_never_break_it(name: str) -> None:
    detector = made(name)
    for x in series(name, 9, changed=0)[:200]:
        detector.update(x)
    for x in EXTREMES:
        before = detector.snapshot()
        try:
            level = detector.update(x).level
        except ValueError:
            assert detector.snapshot() == before, f"{x} was refused and taken all the same"
        else:
            assert 0 <= level < math.inf, x
    assert 0 <= detector.update(math.nan).level < 1


@EACH
def test_numpy_numbers_and_integers_are_numbers_too(name: str) -> None:
    plain, other = made(name), made(name)
    for x in series(name, 10, changed=100)[-300:]:
        assert plain.update(x) == other.update(np.float64(x))
    assert plain.snapshot() == other.snapshot()


@pytest.mark.parametrize("name", BUDGETED)
def test_what_is_settled_has_no_evidence_and_has_not_forgotten_what_it_learnt(name: str) -> None:
    change = change_of(name)
    detector = made(name)
    levels = [detector.update(x, 1e-9).level for x in series(name, 11, quiet=change.after, changed=0)]
    assert max(levels) > 0.0
    detector.settle()
    assert detector.update(math.nan).level == 0.0
    chance = random.Random(12)
    numbers = [change.quiet(chance)] + [change.changed(chance) for _ in range(change.within)]
    assert first_alarm(detector, numbers) is not None
