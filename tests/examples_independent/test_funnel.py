"""The independent counter and the stage agree on any log, however disordered."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.model import Event, Record
from streams.stages.journey import JourneyStage
from streams.units import format_time
from tests.build import START, door, rules, steps
from tests.examples_independent.funnel import Funnel, Step, Touch

SECOND = 1_000_000
FILE = """
version: 1
journeys:
  plain:
    keep: 20s
    steps:
      - {name: a, on: a.a}
      - {name: b, on: b.b, within: 5s}
      - {name: c, on: c.c, within: 15s, optional: true}
      - {name: d, on: d.d, within: 10s}
      - {name: e, on: e.e, within: 5s}
  keyed:
    by: key
    keep: 20s
    steps:
      - {name: a, on: a.a}
      - {name: b, on: [b.b, c.c], within: 8s}
      - {name: c, on: c.c, within: 5s}
"""


def plain() -> Funnel:
    return Funnel(
        [
            Step("a", lambda touch: touch.type == "a.a"),
            Step("b", lambda touch: touch.type == "b.b", 5 * SECOND),
            Step("c", lambda touch: touch.type == "c.c", 15 * SECOND, optional=True),
            Step("d", lambda touch: touch.type == "d.d", 10 * SECOND),
            Step("e", lambda touch: touch.type == "e.e", 5 * SECOND),
        ],
        keep=20 * SECOND,
    )


def keyed() -> Funnel:
    return Funnel(
        [
            Step("a", lambda touch: touch.type == "a.a"),
            Step("b", lambda touch: touch.type in ("b.b", "c.c"), 8 * SECOND),
            Step("c", lambda touch: touch.type == "c.c", 5 * SECOND),
        ],
        by="key",
        keep=20 * SECOND,
    )


touches = st.builds(
    lambda second, kind, subject, key, sequence: (second, kind, subject, key, sequence),
    st.integers(0, 60),
    st.sampled_from(["a.a", "b.b", "c.c", "d.d", "e.e"]),
    st.sampled_from(["p", "q"]),
    st.sampled_from([None, "x", "y"]),
    st.integers(0, 3),
)
logs = st.lists(touches, max_size=25) | st.lists(touches, max_size=25).map(
    lambda log: sorted(log, key=lambda touch: touch[0])
)


@settings(max_examples=300, deadline=None)
@given(logs)
@example([(0, "a.a", "p", "x", 0), (60, "e.e", "q", None, 0), (1, "a.a", "p", "x", 0), (30, "b.b", "p", "x", 0)])
@example([(0, "a.a", "p", None, 0), (25, "b.b", "p", None, 0)])
@example([(0, "a.a", "p", None, 0), (26, "b.b", "p", None, 0)])
@example([(0, "a.a", "p", "x", 0), (1, "c.c", "p", "x", 0), (2, "c.c", "p", "x", 0), (22, "a.a", "p", "x", 0)])
@example([(0, "a.a", "p", "x", 0), (1, "c.c", "p", "x", 0), (2, "c.c", "p", "x", 0), (23, "a.a", "p", "x", 0)])
def test_the_stage_counts_as_the_rules_are_worded(log: list[tuple[int, str, str, str | None, int]]) -> None:
    events, counted = [], []
    for n, (second, kind, subject, key, sequence) in enumerate(log):
        time = START + second * SECOND
        name = f"{n % 20:02}"
        data = {} if key is None else {"key": key}
        counted.append(Touch(time, sequence, f"{subject}/{name}", kind, subject, data))
        events.append(
            Event(id=name, source="s", type=kind, time=format_time(time), subject=subject, data=data, sequence=sequence)
        )
    stage = JourneyStage(rules(FILE), resident=True)
    partials = stage.process([Record(n, None, event) for n, event in enumerate(events)]).partials
    partials += stage.finish(None).partials
    found = steps(partials)
    for journey, funnel in (("plain", plain()), ("keyed", keyed())):
        independent = funnel.count(counted)
        for step, counts in independent.steps.items():
            wanted = {name: n for name, n in counts.items() if n and name != "in_flight"}
            assert found.get(f"{journey}/{step}", {}) == wanted, (journey, step)
        assert door(partials) == {name: n for name, n in independent.door.items() if n}
