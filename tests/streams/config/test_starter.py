"""The starter file: whatever the answers, it has no fault and no warning, and keeps what it promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.config import starter
from streams.config.load import load_text
from streams.config.starter import MOST_STEPS, Answers, parse_journey, written

WORDS = st.from_regex(r"[a-z]{1,8}(\.[a-z_]{1,10}){0,2}", fullmatch=True)


@given(
    st.from_regex(r"[a-z][a-z_]{0,10}[a-z]", fullmatch=True),
    st.lists(WORDS, min_size=2, max_size=MOST_STEPS, unique=True),
    st.sampled_from(["30s", "30m", "5d"]),
    st.text(max_size=20).filter(lambda text: text.isprintable()),
)
def test_any_answers_make_a_file_without_fault_or_warning(
    name: str, events: list[str], within: str, owner: str
) -> None:
    try:
        journey, kinds = parse_journey(f"{name}: {', '.join(events)}")
    except ValueError:
        return  # a word that YAML reads as something else
    answers = Answers(journey, kinds, within, owner=owner.strip())
    loaded = load_text(written(answers), "starter")
    assert loaded.warnings == ()
    (only,) = loaded.config.journeys.values()
    assert list(loaded.config.journeys) == [journey]
    assert [step.name for step in only.steps] == list(answers.steps)
    assert answers.alarms <= 3
    assert len(starter.panels(answers)) <= 8


def test_steps_are_called_by_what_their_events_are_about() -> None:
    answers = Answers("purchase", ("cart.updated", "order.placed", "order.paid"))
    assert answers.steps == ("cart", "order_placed", "order_paid")


def test_a_receiver_is_subscribed_to_what_is_wrong() -> None:
    text = written(Answers("purchase", ("cart.updated", "order.completed"), to="slack:${SLACK_URL}"))
    (team,) = load_text(text, "starter", environ={"SLACK_URL": "https://hooks.example/x"}).config.subscriptions
    assert team.match is not None
    nowhere = written(Answers("purchase", ("cart.updated", "order.completed")))
    assert not load_text(nowhere, "starter").config.subscriptions


@pytest.mark.parametrize(
    ("text", "name", "events"),
    [
        ("purchase: cart.updated, order.completed", "purchase", ("cart.updated", "order.completed")),
        ("cart.updated order.completed", "purchase", ("cart.updated", "order.completed")),
        ("Sign up: form.opened > account.created", "sign_up", ("form.opened", "account.created")),
        ("Product Viewed, order.completed", None, "an event type is"),
        ("a.b", None, "2 to 4"),
        ("a, b, c, d, e", None, "2 to 4"),
        ("a.b, a.b", None, "of its own"),
        ("1: a.b, c.d", None, "a journey's name"),
        ("x: a{b}, c", None, "an event type is"),
        ("yes, a.b", None, "an event type is"),
    ],
)
def test_the_answer_about_the_journey_is_understood_or_refused_with_what_is_expected(
    text: str, name: str | None, events: tuple[str, ...] | str
) -> None:
    if name is None:
        with pytest.raises(ValueError, match=str(events)):
            parse_journey(text)
    else:
        assert parse_journey(text) == (name, events)
