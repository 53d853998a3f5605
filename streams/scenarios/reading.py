"""A scenario's text → a `Scenario`, or every fault of it with its line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.config.faults import Faults, Path, unknown
from streams.config.nodes import Node, read_yaml
from streams.errors import ConfigError
from streams.scenarios.inline import inline_file
from streams.scenarios.moments import DEFAULT, Moments
from streams.scenarios.sentence import read_sentence
from streams.scenarios.story import SOURCE, TYPES, Expected, Scenario, Told
from streams.units import format_time

KEYS = ("name", "story", "file", "start", "customer", "customers", "events", "until", "expect", "never", "complete")
EVENT_KEYS = ("at", "who", "what", "data", "id", "source", "refused")
EXPECTED_KEYS = ("what", "at", "after", "before", "who")
"""In the long form; every other key is a field of the decision."""
TIMES = ("scheduled_for", "until", "opened_at", "due_at", "since")
"""Fields of decisions that are times: they may be said as moments of the story."""
CUSTOMER = "anna"
"""The customer of a story that names none."""
_IDENTIFIED = "customer.identified"


def read_scenario(text: str, name: str = "the scenario") -> Scenario:
    """Raises ConfigError with all faults."""
    faults = Faults()
    root = read_yaml(text, faults)
    found = None if root is None else _Reading(text, root, faults).scenario()
    if len(faults) or found is None:
        raise ConfigError(faults.in_order(), name)
    return found


class _Reading:
    def __init__(self, text: str, root: Node, faults: Faults) -> None:
        self.text = text
        self.root = root
        self.faults = faults
        self.moments = Moments.beginning(DEFAULT)
        self.latest = self.moments.start
        self.people: dict[str, dict[str, Any]] = {}

    def scenario(self) -> Scenario | None:
        root, faults = self.root, self.faults
        if not isinstance(root.value, dict):
            faults.add((), root.line, f"expected a scenario with the keys {', '.join(KEYS)}")
            return None
        for key, node in root.value.items():
            if key not in KEYS:
                faults.add((key,), node.line, unknown("key", key, KEYS))
        self._start()
        self._people()
        path, text = self._file()
        events = self._events()
        expect = self._expected("expect")
        never = self._expected("never")
        if not expect and not never:
            faults.add(("expect",), root.line, "expected at least one decision under expect or never")
        until = self._moment(root.child("until"), ("until",))
        complete = root.child("complete")
        if complete is not None and not isinstance(complete.value, bool):
            faults.add(("complete",), complete.line, "expected true or false")
        return Scenario(
            name=self._text("name") or "",
            story=(self._text("story", needed=False) or "").strip(),
            start=self.moments.start,
            zone=self.moments.zone.key,
            path=path,
            text=text,
            events=events,
            expect=expect,
            never=never,
            complete=complete is None or complete.value is True,
            until=max(until or 0, self.latest),
        )

    # -- its parts -------------------------------------------------------------------------------------------------

    def _text(self, key: str, *, needed: bool = True) -> str | None:
        node = self.root.child(key)
        if node is None or node.value is None:
            if needed:
                self.faults.add((key,), self.root.line, "missing")
            return None
        if not isinstance(node.value, str | int | float):
            self.faults.add((key,), node.line, "expected text")
            return None
        return str(node.value)

    def _start(self) -> None:
        node = self.root.child("start")
        if node is None:
            return
        try:
            self.moments = Moments.beginning(str(node.value))
        except ValueError as fault:
            self.faults.add(("start",), node.line, str(fault))
        self.latest = self.moments.start

    def _people(self) -> None:
        one, several = self.root.child("customer"), self.root.child("customers")
        if several is not None:
            given = several.plain()
            if isinstance(given, dict) and all(isinstance(traits, dict | None) for traits in given.values()):
                self.people = {str(who): dict(traits or {}) for who, traits in given.items()}
            elif isinstance(given, list) and all(isinstance(who, str) for who in given):
                self.people = {who: {} for who in given}
            else:
                self.faults.add(("customers",), several.line, "expected names, or names with their traits")
        if one is not None:
            if several is not None:
                self.faults.add(("customer",), one.line, "expected either customer or customers")
            elif isinstance(one.value, str) and one.value:
                self.people = {one.value: {}}
            else:
                self.faults.add(("customer",), one.line, "expected a name")
        self.people = self.people or {CUSTOMER: {}}

    def _file(self) -> tuple[str | None, str | None]:
        node = self.root.child("file")
        if node is None:
            return None, None
        if isinstance(node.value, str) and node.value and "\n" not in node.value.strip():
            return node.value.strip(), None
        if isinstance(node.value, str | dict) and node.value:
            return None, inline_file(self.text, node)
        self.faults.add(("file",), node.line, "expected the path of a file, or the file itself")
        return None, None

    def _events(self) -> tuple[Told, ...]:
        told = [
            Told(self.moments.start, who, _IDENTIFIED, traits, self.root.line, f"traits-of-{who}")
            for who, traits in self.people.items()
            if traits
        ]
        node = self.root.child("events")
        items = node.value if node is not None else None
        if node is None or not isinstance(items, list) or not items:
            self.faults.add(("events",), self.root.line if node is None else node.line, "expected a list of events")
            return ()
        last = self.moments.start
        for at, item in enumerate(items):
            made = self._event(item, ("events", at), at)
            if made is None:
                continue
            if made.time < last:
                was = self.moments.show(last)
                self.faults.add(("events", at), item.line, f"comes before the one above it ({was}); put it in order")
            last = max(last, made.time)
            told.append(made)
        names: dict[tuple[str, str], int] = {}
        for one in told:
            if one.line != names.setdefault((one.source, one.id), one.line):
                self.faults.add(("events",), one.line, f"the id {one.id!r} is there twice, it would be a duplicate")
        return tuple(told)

    def _event(self, item: Node, path: Path, at: int) -> Told | None:
        data: Any
        who: str | None
        if _is_long(item, "what"):
            self._known(item, path, EVENT_KEYS)
            fields = {key: below.plain() for key, below in item.value.items()}  # type: ignore[union-attr]  # a mapping
            time = self._moment(item.child("at"), (*path, "at"), needed=item)
            who, what, data = fields.get("who"), fields.get("what"), fields.get("data")
        else:
            sentence = self._sentence(item, path)
            if sentence is None:
                return None
            (time, who, what, data), fields = sentence, {}
        data = {} if data is None else data
        texts = [what, fields.get("id", ""), fields.get("source", ""), fields.get("refused", "")]
        if not isinstance(data, dict) or not all(isinstance(text, str) for text in texts) or not what:
            self.faults.add(path, item.line, "expected what (text) and data (a mapping)")
            return None
        person = self._who(who, item, path)
        if time is None or person is None:
            return None
        self.latest = max(self.latest, time)
        name = fields.get("id") or f"e{at + 1}"
        return Told(time, person, what, data, item.line, name, fields.get("source") or SOURCE, fields.get("refused"))

    def _who(self, who: Any, item: Node, path: Path) -> str | None:
        if who is None and len(self.people) == 1:
            return next(iter(self.people))
        if isinstance(who, str) and who in self.people:
            return who
        if who is None:
            self.faults.add(path, item.line, f"who? one of {', '.join(self.people)}")
        else:
            self.faults.add(path, item.line, unknown("customer", str(who), self.people) + "; see customers")
        return None

    def _expected(self, key: str) -> tuple[Expected, ...]:
        node = self.root.child(key)
        if node is None:
            return ()
        if not isinstance(node.value, list):
            self.faults.add((key,), node.line, "expected a list of decisions")
            return ()
        made = [self._expectation(item, (key, at)) for at, item in enumerate(node.value)]
        return tuple(one for one in made if one is not None)

    def _expectation(self, item: Node, path: Path) -> Expected | None:
        bounds: dict[str, int | None] = {}
        fields: dict[str, Any]
        if _is_long(item, "what"):
            fields = {key: below.plain() for key, below in item.value.items()}  # type: ignore[union-attr]  # a mapping
            who, what = fields.pop("who", None), str(fields.pop("what"))
            for name in ("at", "after", "before"):
                fields.pop(name, None)
                bounds[name] = self._moment(item.child(name), (*path, name))
        else:
            sentence = self._sentence(item, path)
            if sentence is None:
                return None
            bounds["at"], who, what, given = sentence
            fields = dict(given) if isinstance(given, dict) else {}
        what = what.removeprefix("touchline.")
        if what not in TYPES:
            self.faults.add((*path, "what"), item.line, unknown("decision", what, TYPES))
            return None
        if who is not None and not isinstance(who, str):
            self.faults.add((*path, "who"), item.line, "expected a name")
            return None
        # A moment far away as a bound is no reason to let time run on to it.
        self.latest = max(self.latest, bounds.get("at") or 0)
        return Expected(what=what, line=item.line, who=who, fields=self._times(fields, item, path), **bounds)

    def _times(self, fields: Mapping[str, Any], item: Node, path: Path) -> dict[str, Any]:
        found = dict(fields)
        for name in TIMES:
            if isinstance(found.get(name), str):
                try:
                    found[name] = format_time(self.moments.read(found[name]))
                except ValueError as fault:
                    self.faults.add((*path, name), item.line, str(fault))
        return found

    # -- small things ----------------------------------------------------------------------------------------------

    def _sentence(self, item: Node, path: Path) -> tuple[int, str | None, str, Any] | None:
        """A line, alone or as the one key of a mapping whose value is the data."""
        data = None
        text = item.value
        if isinstance(text, dict) and len(text) == 1:
            text, below = next(iter(text.items()))
            data = below.plain()
        try:
            sentence = read_sentence(str(text) if isinstance(text, str) else "", self.moments)
        except ValueError as fault:
            self.faults.add(path, item.line, str(fault))
            return None
        return sentence.at, sentence.who, sentence.what, data

    def _moment(self, node: Node | None, path: Path, needed: Node | None = None) -> int | None:
        if node is None:
            if needed is not None:
                self.faults.add(path, needed.line, "missing")
            return None
        try:
            return self.moments.read(str(node.value))
        except ValueError as fault:
            self.faults.add(path, node.line, str(fault))
            return None

    def _known(self, item: Node, path: Path, keys: tuple[str, ...]) -> None:
        for key in set(item.keys()) - set(keys):
            self.faults.add((*path, key), item.line, unknown("key", key, keys))


def _is_long(item: Node, key: str) -> bool:
    return isinstance(item.value, dict) and key in item.value
