"""The learnt baseline: how near the truth it comes, what it says of its own error, and what it takes back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.recursion import Floats
from detectors.steps.flight import Flight
from detectors.steps.hazards import HALF_LIFE, HOUR, Hazards
from tests.detectors.steps.simulation import START, draw, updates

BINS = 40
NOBODY = np.zeros(1, dtype=bool)
EVERYBODY = np.ones(1, dtype=bool)


def taught(hazards: Hazards, rng: np.random.Generator, truth: Floats, at_risk: Floats, updates: int) -> None:
    """So many updates of one second with these customers at risk; `truth` and `at_risk`: shape (bins, lanes)."""
    for _ in range(updates):
        hazards.learn(rng.poisson(truth * at_risk).astype(np.float64), at_risk, None)
    hazards.refresh()


@pytest.mark.parametrize("law", ["exponential", "log-normal"])
def test_the_hazard_of_a_known_law_is_learnt_within_its_error(law: str) -> None:
    # A second to go on at is drawn by its chance given that the customer has stayed so long.
    within, share = 300, 0.6
    ages = np.arange(within + 1)
    if law == "exponential":
        stays = np.exp(-(ages + 1) / 40)
    else:
        stays = np.array([0.5 * math.erfc(math.log((age + 1) / 20) / math.sqrt(2)) for age in ages])
    gone_on = share * (1 - stays)
    before = np.concatenate([[0.0], gone_on[:-1]])
    truth = (gone_on - before) / (1 - before)
    rng = np.random.default_rng(5)
    hazards = Hazards(len(Flight(within).bins), 1, pooled=False)
    flight = Flight(within, 1)
    alive = np.zeros(within + 1)
    # Straight from the law: everybody in flight at an age goes on with its hazard, whoever has had their time leaves.
    for second in range(2500):
        alive = np.concatenate([[float(rng.poisson(20))], alive[:-1]])
        slots = flight.aging.places(np.array(START - ages), START)
        by_bin = np.zeros((len(flight.bins), 1))
        completed = np.zeros_like(by_bin)
        went_on = rng.binomial(alive.astype(np.int64), truth)
        np.add.at(by_bin[:, 0], flight.bin_of_slot[slots], alive)
        np.add.at(completed[:, 0], flight.bin_of_slot[slots], went_on)
        alive -= went_on
        if second >= within:
            hazards.learn(completed, by_bin, None)
    hazards.refresh()
    learnt = hazards.rates[:, 0]
    seen = hazards.seen[0]
    assert seen > 20_000
    for age in range(30):
        error = math.sqrt(truth[age] / max(hazards._open_exposure[age, 0], 1.0))
        assert abs(learnt[age] - truth[age]) <= 4 * error + 1e-4
    # The older are lumped together; between the smallest and the largest hazard of their ages.
    for slot, rate in zip(range(30, len(learnt)), learnt[30:], strict=True):
        members = truth[np.isin(flight.bin_of_slot[flight.aging.places(np.array(START - ages), START)], slot)]
        if len(members):
            error = math.sqrt(max(members.max(), 1e-9) / max(hazards._open_exposure[slot, 0], 1.0))
            assert members.min() - 4 * error - 1e-4 <= rate <= members.max() + 4 * error + 1e-4


def test_what_is_due_by_the_learnt_baseline_is_what_comes() -> None:
    rng = np.random.default_rng(2)
    within, lanes = 300, 10
    customers = draw(rng, 2400, np.full(lanes, 3.0), within=within)
    hazards = Hazards(len(Flight(within).bins), lanes, pooled=False)
    flight = Flight(within, lanes)
    due = came = 0.0
    for tick, entered, left in updates(customers, START, START + 2400, 2):
        flight.aging.tick = tick if not flight.aging.tick else flight.aging.tick
        flight.aging.advance(tick)
        flight.enter(entered)
        at_risk = flight.at_risk
        due += float((at_risk * hazards.rates).sum()) * 2
        completed = flight.leave(left)
        came += float(completed.sum())
        hazards.learn(completed, at_risk * 2, None)
        if tick == START + 1199:
            hazards.refresh()
            due = came = 0.0
    assert due == pytest.approx(came, abs=4 * math.sqrt(2 * came))


def test_a_lane_with_few_completions_follows_its_parent_and_one_with_many_goes_its_own_way() -> None:
    hazards = Hazards(BINS, 3)
    # The first has taught the parent 2 % a second; 3 completions say nothing yet; 3,000 do.
    hazards.learn(np.array([[20_000.0, 0.0, 0.0]] * BINS), np.array([[1e6, 0.0, 0.0]] * BINS), None)
    few, many = np.zeros((BINS, 3)), np.zeros((BINS, 3))
    few[:, 1], many[:, 1] = 3 / BINS, 30 / BINS
    hazards.learn(few, many, None)
    hazards.refresh()
    assert hazards.rates[:, 0] == pytest.approx(0.02, rel=0.01)
    assert hazards.rates[:, 1] == pytest.approx(0.02, rel=0.15)
    assert hazards.rates[:, 2] == pytest.approx(0.02, rel=0.01)  # nobody seen at all
    hazards.learn(1000 * few, 1000 * many, None)
    hazards.refresh()
    assert hazards.rates[:, 1] == pytest.approx(0.1, rel=0.15)


def test_lanes_of_their_own_do_not_learn_from_each_other() -> None:
    hazards = Hazards(BINS, 2, pooled=False)
    hazards.learn(np.array([[200.0, 0.0]] * BINS), np.array([[1e4, 0.0]] * BINS), None)
    hazards.refresh()
    assert hazards.rates[:, 0] == pytest.approx(0.02, rel=0.01)
    assert not hazards.rates[:, 1].any()
    assert hazards.lane_variances(np.ones((BINS, 2)))[1] == math.inf


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("completions", [400.0, 10_000.0, 250_000.0])
def test_the_relative_variance_of_one_lane_is_one_over_its_completions(completions: float, pooled: bool) -> None:
    hazards = Hazards(BINS, 1, pooled=pooled)
    at_risk = np.linspace(40, 1, BINS)[:, None]
    truth = np.full((BINS, 1), 0.02)
    times = completions / (at_risk * truth).sum()
    hazards.learn(at_risk * truth * times, at_risk * times, None)
    hazards.refresh()
    # An own and a shared part of the same completions are added as if they went together.
    allowed = 0.05 if not pooled else 0.4
    assert hazards.relative_variance(at_risk, slice(None)) == pytest.approx(1 / completions, rel=allowed)
    assert hazards.lane_variances(at_risk)[0] == pytest.approx(1 / completions, rel=allowed)


def test_the_error_it_claims_is_the_error_it_makes() -> None:
    rng = np.random.default_rng(8)
    lanes = 400
    at_risk = np.repeat(np.linspace(10, 1, BINS)[:, None], lanes, axis=1)
    truth = np.repeat(np.linspace(0.04, 0.002, BINS)[:, None], lanes, axis=1)
    hazards = Hazards(BINS, lanes, pooled=False)
    taught(hazards, rng, truth, at_risk, 60)
    due = (at_risk * hazards.rates).sum(axis=0) / (at_risk * truth).sum(axis=0) - 1
    claimed = math.sqrt(float(hazards.lane_variances(at_risk).mean()))
    assert due.std() == pytest.approx(claimed, rel=0.15)
    assert (np.abs(due) > 3 * claimed).mean() < 0.01


def test_nothing_can_be_concluded_where_nothing_has_been_seen() -> None:
    at_risk = np.ones((BINS, 2))
    for pooled in (False, True):
        hazards = Hazards(BINS, 2, pooled=pooled)
        hazards.refresh()
        assert not hazards.rates.any()
        assert hazards.relative_variance(at_risk, slice(None)) == math.inf
        # Seconds without a completion are no baseline either.
        hazards.learn(np.zeros((BINS, 2)), np.full((BINS, 2), 1e5), None)
        hazards.refresh()
        assert not hazards.rates.any()
        assert hazards.relative_variance(at_risk, slice(None)) == math.inf
        assert (hazards.lane_variances(at_risk) == math.inf).all()


def test_an_age_nobody_has_been_seen_at_is_expected_at_the_mean_with_a_wide_error() -> None:
    hazards = Hazards(BINS, 1)
    completed, exposure = np.zeros((BINS, 1)), np.zeros((BINS, 1))
    completed[0], exposure[0] = 1000.0, 50_000.0
    hazards.learn(completed, exposure, None)
    hazards.refresh()
    seen, unseen = np.zeros((BINS, 1)), np.zeros((BINS, 1))
    seen[0], unseen[1] = 100.0, 100.0
    assert hazards.rates[1, 0] == pytest.approx(0.02, rel=0.05)
    assert hazards.relative_variance(seen, slice(None)) < 0.002
    assert hazards.relative_variance(unseen, slice(None)) > 1


def test_what_is_held_back_is_learnt_on_release_and_forgotten_on_an_alarm() -> None:
    ones = np.ones((BINS, 1))
    hazards = Hazards(BINS, 1)
    hazards.learn(20 * ones, 1000 * ones, None)
    hazards.learn(0 * ones, 1000 * ones, EVERYBODY)
    hazards.refresh()
    assert hazards.rates[:, 0] == pytest.approx(0.02, rel=0.01)
    hazards.release(EVERYBODY)
    hazards.refresh()
    assert hazards.rates[:, 0] == pytest.approx(0.01, rel=0.01)

    ill = Hazards(BINS, 1)
    ill.learn(20 * ones, 1000 * ones, None)
    ill.learn(0 * ones, 1000 * ones, EVERYBODY)
    ill.forget_held(EVERYBODY)
    ill.release(EVERYBODY)
    ill.refresh()
    assert ill.rates[:, 0] == pytest.approx(0.02, rel=0.01)


def test_only_the_lanes_with_evidence_are_held_back() -> None:
    ones = np.ones((BINS, 2))
    hazards = Hazards(BINS, 2, pooled=False)
    hazards.learn(20 * ones, 1000 * ones, np.array([True, False]))
    hazards.refresh()
    assert not hazards.rates[:, 0].any()
    assert hazards.rates[:, 1] == pytest.approx(0.02, rel=0.01)


def hours(hazards: Hazards, since: int, until: int, hazard: float, every: int = 60) -> float:
    """Learn at a hazard over [since, until); the completions of each lane."""
    total = 0.0
    for second in range(since, until, every):
        hazards.turn(second)
        exposure = np.full((BINS, hazards.lanes), 30.0 * every)
        hazards.learn(exposure * hazard, exposure, None)
        total += float(exposure[:, 0].sum() * hazard)
    hazards.refresh()
    return total


@pytest.mark.parametrize(("quiet_minutes", "ill_minutes"), [(200, 20), (200, 90), (170, 200), (180, 45)])
def test_undo_returns_to_the_baseline_of_before_the_change(quiet_minutes: int, ill_minutes: int) -> None:
    hazards = Hazards(BINS, 2)
    change = START + quiet_minutes * 60
    hours(hazards, START, change, 0.02)
    before = hazards.rates.copy()
    lost = hours(hazards, change, change + ill_minutes * 60, 0.002)
    tick = change + ill_minutes * 60 - 1
    assert (np.abs(hazards.rates / before - 1) > 0.04).all()
    hazards.undo(change, tick, np.full(2, lost))
    assert hazards.rates == pytest.approx(before, rel=0.005)
    # At most the hour in which it began is lost with it.
    assert hazards.seen[0] >= (quiet_minutes - 60) * 60 * 30 * BINS * 0.02 * 0.99


def test_what_was_held_back_when_a_change_is_undone_is_forgotten() -> None:
    hazards = Hazards(BINS, 1)
    hours(hazards, START, START + HOUR + 600, 0.02)
    ones = np.ones((BINS, 1))
    hazards.learn(0 * ones, 1e6 * ones, EVERYBODY)
    hazards.undo(START + HOUR + 600, START + HOUR + 660, np.zeros(1))
    hazards.release(EVERYBODY)
    hazards.refresh()
    assert hazards.rates == pytest.approx(0.02, rel=0.03)


def test_undo_of_a_change_from_the_first_second_on_leaves_nothing() -> None:
    hazards = Hazards(BINS, 1)
    lost = hours(hazards, START + 600, START + 1200, 0.02)
    hazards.undo(START + 500, START + 1199, np.array([lost]))
    assert not hazards.rates.any()


def test_undo_reaches_back_two_days() -> None:
    hazards = Hazards(BINS, 1)
    change = START + 3 * 24 * HOUR
    hours(hazards, START, change, 0.02, every=600)
    seen = hazards.seen[0]
    lost = hours(hazards, change, change + 60 * HOUR, 0.002, every=600)
    hazards.undo(change, change + 60 * HOUR - 1, np.array([lost]))
    # Of the 60 hours the last 48 that were over are taken back and the one under way; 11 stay, faded.
    kept = hazards.seen[0] - seen * 0.5 ** (60 * HOUR / HALF_LIFE)
    stays = sum(lost / 60 * 0.5 ** (hour * HOUR / HALF_LIFE) for hour in range(49, 60))
    assert kept == pytest.approx(stays, rel=0.05)


def test_undo_knows_lanes_that_came_later() -> None:
    hazards = Hazards(BINS, 1)
    hours(hazards, START, START + 2 * HOUR, 0.02)
    hazards.extend(2)
    hours(hazards, START + 2 * HOUR, START + 5 * HOUR, 0.002)
    hazards.undo(START + 90 * 60, START + 5 * HOUR - 1, np.full(3, 1e9))
    assert hazards.lanes == 3
    assert hazards.rates == pytest.approx(0.02, rel=0.01)


def test_what_was_learnt_counts_half_after_a_week() -> None:
    hazards = Hazards(BINS, 1)
    hours(hazards, START, START + HOUR, 0.02)
    hazards.turn(START + HOUR)
    seen = hazards.seen[0]
    hazards.turn(START + HOUR + HALF_LIFE)
    assert hazards.seen[0] == pytest.approx(seen / 2)
    hazards.refresh()
    assert hazards.rates[:, 0] == pytest.approx(0.02, rel=0.01)


def test_what_is_restored_is_the_same_bit_for_bit_and_stays_so() -> None:
    rng = np.random.default_rng(4)

    def more(hazards: Hazards, rng: np.random.Generator, since: int) -> None:
        for second in range(since, since + 2 * HOUR, 300):
            hazards.turn(second)
            held = np.array([second % 900 == 0, False, False])
            exposure = rng.random((BINS, 3)) * 100
            hazards.learn(rng.poisson(exposure * 0.02).astype(np.float64), exposure, held)
            if second % 1800 == 0:
                hazards.release(np.array([True, False, False]))
                hazards.refresh()

    hazards = Hazards(BINS, 3)
    more(hazards, rng, START + 100)
    again = Hazards(BINS)
    again.restore(hazards.snapshot())
    # `rates` are those of the last refresh, not of what has been learnt since.
    assert again.rates.tobytes() == hazards.rates.tobytes()
    assert again.snapshot() == hazards.snapshot()
    more(hazards, np.random.default_rng(6), START + 100 + 2 * HOUR)
    more(again, np.random.default_rng(6), START + 100 + 2 * HOUR)
    hazards.undo(START + 3 * HOUR, START + 4 * HOUR, np.full(3, 10.0))
    again.undo(START + 3 * HOUR, START + 4 * HOUR, np.full(3, 10.0))
    assert again.rates.tobytes() == hazards.rates.tobytes()
    assert again.snapshot() == hazards.snapshot()
