"""What a story expects against what came of it, decision by decision, with every difference explained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from streams.decisions import sort_key
from streams.effects import DeadLetter, Decision
from streams.scenarios.moments import Moments
from streams.scenarios.story import PREFIX, Expected, Scenario, Told
from streams.units import format_time
from streams.wording import decision_words

Mark = Literal["=", "-", "+", "!"]
"""As told; expected and missing; came unexpected; must never come, or was refused."""
_TELLING = ("metric", "reason", "channel", "offer", "rule")


class Row(msgspec.Struct, frozen=True):
    """One line of the result."""

    mark: Mark
    text: str
    notes: tuple[str, ...] = ()
    """What is to be said about it."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of one story."""

    name: str
    rows: tuple[Row, ...]
    day: str
    """What `0d` is."""

    @property
    def ok(self) -> bool:
        """Whether everything is as told."""
        return all(row.mark == "=" for row in self.rows)


def compare(scenario: Scenario, decisions: Iterable[Decision], letters: Sequence[DeadLetter]) -> Outcome:
    """Hold decisions and dead letters (whose offset counts the scenario's events) against what is expected."""
    return _Comparison(scenario, decisions).outcome(letters)


def fits(expected: Expected, decision: Decision) -> bool:
    """Whether a decision is the one that is meant."""
    return not differences(expected, decision, None)


def differences(expected: Expected, decision: Decision, moments: Moments | None) -> list[str]:
    """In what a decision is not the one that is meant, as clauses; `moments` shows the times."""

    def shown(time: int) -> str:
        return format_time(time) if moments is None else moments.show(time)

    found = []
    came, kind = decision.time // 1000, decision.type.removeprefix(PREFIX)
    if expected.what != kind:
        found.append(f"{kind} instead of {expected.what}")
    if expected.at is not None and expected.at // 1000 != came:
        found.append(f"at {shown(decision.time)} instead of {shown(expected.at)}")
    if expected.after is not None and came < expected.after // 1000:
        found.append(f"at {shown(decision.time)}, not after {shown(expected.after)}")
    if expected.before is not None and came >= expected.before // 1000:
        found.append(f"at {shown(decision.time)}, not before {shown(expected.before)}")
    if expected.who is not None and expected.who != decision.subject:
        found.append(f"{decision.subject} instead of {expected.who}")
    for name, wanted in expected.fields.items():
        if name not in decision.data and wanted is not None:
            if kind == expected.what or not found:
                found.append(f"it has no {name}")
        elif not _agree(wanted, decision.data.get(name)):
            found.append(f"{name} {_value(decision.data.get(name))} instead of {_value(wanted)}")
    return found


class _Comparison:
    def __init__(self, scenario: Scenario, decisions: Iterable[Decision]) -> None:
        self.scenario = scenario
        self.moments = Moments(scenario.start, scenario.tzinfo)
        self.decisions = sorted(decisions, key=sort_key)
        kinds = {f"{PREFIX}{one.what}" for one in scenario.expect}
        self.about = [one for one in self.decisions if one.type in kinds]
        self.several = len({told.who for told in scenario.events}) > 1

    def outcome(self, letters: Sequence[DeadLetter]) -> Outcome:
        found: list[tuple[int, int, Row]] = []
        matched = self._match()
        taken = {id(decision) for decision in matched if decision is not None}
        spare = [one for one in self.about if id(one) not in taken]
        time = self.scenario.start
        for expected, decision in zip(self.scenario.expect, matched, strict=True):
            if decision is not None:
                time = decision.time
                found.append((time, 1, Row("=", self._told(decision, expected.fields))))
                continue
            time = expected.at or max(time, expected.after or 0)
            near = self._nearest(expected, spare if self.scenario.complete else self.decisions)
            notes = [f"expected by line {expected.line}"]
            if near is None:
                notes.append("nothing like it came")
            else:
                notes.append(f"came: {'; '.join(differences(expected, near, self.moments))}")
            found.append((time, 0, Row("-", self._wanted(expected), tuple(notes))))
        if self.scenario.complete:
            found += [(one.time, 2, self._extra(one)) for one in spare]
        found += self._forbidden()
        found.sort(key=lambda entry: entry[:2])
        rows = [*self._refused(letters), *(row for _, _, row in found)]
        return Outcome(self.scenario.name, tuple(rows), self.moments.day())

    def _match(self) -> list[Decision | None]:
        """For each expected decision the first that fits and does not come before the one that was told before it."""
        left = list(self.about)
        reached = None
        matched: list[Decision | None] = []
        for expected in self.scenario.expect:
            found = next(
                (one for one in left if (reached is None or one.time >= reached) and fits(expected, one)), None
            )
            if found is not None:
                left.remove(found)
                reached = found.time
            matched.append(found)
        return matched

    def _nearest(self, expected: Expected, among: Sequence[Decision]) -> Decision | None:
        """The one that was probably meant."""

        def distance(one: Decision) -> tuple[int, int]:
            away = abs(one.time - (expected.at if expected.at is not None else one.time))
            return len(differences(expected, one, None)), away

        kin = [one for one in among if _kin(expected, one)]
        return min(kin, key=distance, default=None)

    def _extra(self, decision: Decision) -> Row:
        return Row("+", self._told(decision, {}), (decision_words(decision.type, decision.data),))

    def _forbidden(self) -> list[tuple[int, int, Row]]:
        found = []
        for never in self.scenario.never:
            for decision in self.decisions:
                if fits(never, decision):
                    notes = (f"must never come (line {never.line})", decision_words(decision.type, decision.data))
                    found.append((decision.time, 3, Row("!", self._told(decision, never.fields), notes)))
        return found

    def _refused(self, letters: Sequence[DeadLetter]) -> list[Row]:
        rows = []
        reasons = {letter.offset: letter for letter in letters}
        for at, told in enumerate(self.scenario.events):
            letter = reasons.get(at)
            if letter is None and told.refused is not None:
                rows.append(Row("!", self._event(told), (f"was taken, expected to be refused: {told.refused}",)))
            elif letter is not None and letter.reason != told.refused:
                rows.append(Row("!", self._event(told), (f"was refused: {letter.reason}", letter.message)))
        return rows

    # -- in words --------------------------------------------------------------------------------------------------

    def _told(self, decision: Decision, asked: Any) -> str:
        """Time, customer where there are several, type, and what tells it from others."""
        data = decision.data
        kind = decision.type.removeprefix(PREFIX)
        names = [name for name in _TELLING if data.get(name) is not None and (name != "rule" or "metric" not in data)]
        names += [name for name in asked if name not in names and name in data]
        facts = ", ".join(f"{name} {_value(data[name])}" for name in names)
        return self._line(decision.time, decision.subject, kind, facts)

    def _wanted(self, expected: Expected) -> str:
        facts = ", ".join(f"{name} {_value(value)}" for name, value in expected.fields.items())
        bounds = [
            f"{word} {self.moments.show(time)}"
            for word, time in (("after", expected.after), ("before", expected.before))
            if time is not None
        ]
        return self._line(
            expected.at, expected.who or "", expected.what, ", ".join([*bounds, facts] if facts else bounds)
        )

    def _event(self, told: Told) -> str:
        return self._line(told.time, told.who, told.what, f"line {told.line}")

    def _line(self, time: int | None, who: str, what: str, facts: str) -> str:
        when = "any time" if time is None else self.moments.show(time)
        person = f"{who:<10} " if self.several else ""
        return f"{when:<11} {person}{what:<20} {facts}".rstrip()


def _kin(expected: Expected, decision: Decision) -> bool:
    """Whether the two are about the same thing: one kind of decision, or one metric or rule."""
    kind = decision.type.removeprefix(PREFIX)
    if kind.split(".")[0] != expected.what.split(".")[0]:
        return False
    if expected.who is not None and expected.who != decision.subject:
        return False
    named = [name for name in ("metric", "rule", "offer") if name in expected.fields]
    return all(expected.fields[name] == decision.data.get(name) for name in named) and (
        kind == expected.what or bool(named)
    )


def _agree(wanted: Any, came: Any) -> bool:
    if isinstance(came, list):
        if not isinstance(wanted, list):
            wanted = [wanted]
            return any(_same(wanted[0], item) for item in came)
        if any(isinstance(item, str) and "/" in item for item in came):
            return all(any(_same(one, item) for item in came) for one in wanted)
        return bool(wanted == came)
    return bool(wanted == came) and isinstance(wanted, bool) == isinstance(came, bool)


def _same(wanted: Any, item: Any) -> bool:
    """An event may be named without its source."""
    return bool(wanted == item) or (isinstance(item, str) and item.rpartition("/")[2] == wanted and "=" not in item)


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return str(value)
