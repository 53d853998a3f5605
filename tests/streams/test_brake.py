"""The dead-letter brake, by hand."""

from __future__ import annotations

from streams.brake import SECOND, Brake, BrakeState

NOW = 1_772_000_000 * SECOND


def test_it_stays_off_while_bad_records_are_mixed_with_good_ones() -> None:
    state = BrakeState(Brake(max_ratio=0.9, at_least=10, max_consecutive=10))
    for second in range(100):
        read = range(second * 10, second * 10 + 10)
        state.take(NOW + second * SECOND, read, set(read[:9]))
    assert state.reason(NOW + 100 * SECOND) is None


def test_it_goes_on_at_the_last_of_so_many_invalid_records_in_a_row() -> None:
    state = BrakeState(Brake(max_consecutive=20, at_least=1_000))
    state.take(NOW, range(10), set(range(1, 10)))
    state.take(NOW, range(10, 20), set(range(10, 20)))
    assert state.reason(NOW) is None
    state.take(NOW, range(20, 21), {20})
    assert (
        state.reason(NOW)
        == "the last 20 records were all invalid; see `touchline dlq list` for what is wrong with them"
    )


def test_one_good_record_ends_a_row() -> None:
    state = BrakeState(Brake(max_consecutive=3))
    for start in (0, 3, 6):
        state.take(NOW, range(start, start + 3), {start, start + 1})
    state.take(NOW, range(9, 11), {9, 10})
    assert state.reason(NOW) is None
    state.take(NOW, range(11, 12), set())
    state.take(NOW, range(12, 14), {12, 13})
    assert state.reason(NOW) is None


def test_it_goes_on_above_the_ratio_and_only_with_enough_records() -> None:
    policy = Brake(max_ratio=0.5, at_least=10, max_consecutive=1_000)
    few = BrakeState(policy)
    few.take(NOW, range(9), set(range(9)))
    assert few.reason(NOW) is None
    half = BrakeState(policy)
    half.take(NOW, range(10), set(range(5)))
    assert half.reason(NOW) is None
    more = BrakeState(policy)
    more.take(NOW, range(10), set(range(6)))
    assert (more.reason(NOW) or "").startswith("6 of the 10 records of the last 60 s were invalid")


def test_records_older_than_the_window_no_longer_count() -> None:
    state = BrakeState(Brake(max_ratio=0.5, at_least=10, max_consecutive=1_000, window=60 * SECOND))
    state.take(NOW, range(9), set(range(9)))
    state.take(NOW + 60 * SECOND, range(9, 18), set())
    state.take(NOW + 60 * SECOND, range(18, 20), {18})
    assert state.reason(NOW + 60 * SECOND) is None


def test_it_lets_go_after_its_pause_and_counts_anew() -> None:
    state = BrakeState(Brake(max_consecutive=5, pause=30 * SECOND))
    state.take(NOW, range(5), set(range(5)))
    assert state.reason(NOW + 30 * SECOND - 1) is not None
    assert state.reason(NOW + 30 * SECOND) is None
    state.take(NOW + 30 * SECOND, range(5, 9), set(range(5, 9)))
    assert state.reason(NOW + 30 * SECOND) is None
    state.take(NOW + 30 * SECOND, range(9, 10), {9})
    assert state.reason(NOW + 30 * SECOND) is not None


def test_what_was_in_the_log_already_does_not_prolong_the_pause() -> None:
    state = BrakeState(Brake(max_consecutive=5, pause=30 * SECOND))
    state.take(NOW, range(5), set(range(5)))
    state.take(NOW + 29 * SECOND, range(5, 500), set(range(5, 500)))
    assert state.reason(NOW + 30 * SECOND) is None
