"""How far behind a reader is, and when its consumer has stopped."""

from __future__ import annotations

from streams.runtime.cluster.progress import Progress, Verdict, Watchdog

SECOND = 1_000_000


def test_a_reader_that_has_taken_everything_is_not_behind_however_old_the_last_record_is() -> None:
    progress = Progress()
    progress.took(10, 0)
    progress.see(10, 10, 3600 * SECOND)
    assert (progress.behind, progress.lag_seconds(3600 * SECOND)) == (0, 0.0)


def test_lag_is_at_most_the_age_of_the_last_record_taken() -> None:
    progress = Progress()
    progress.took(10, 60 * SECOND)
    progress.see(10, 25, 90 * SECOND)
    assert (progress.behind, progress.lag_seconds(90 * SECOND)) == (15, 30.0)


def test_lag_after_a_rest_begins_when_the_end_was_last_reached() -> None:
    progress = Progress()
    progress.took(10, 0)
    progress.see(10, 10, 3600 * SECOND)
    progress.see(10, 11, 3605 * SECOND)
    assert progress.lag_seconds(3607 * SECOND) == 7.0


def test_nobody_says_how_far_behind_before_anything_is_known() -> None:
    progress = Progress()
    assert (progress.behind, progress.lag_seconds(0)) == (None, None)
    progress.see(10, 25, 0)
    assert (progress.behind, progress.lag_seconds(0)) == (15, None)


def test_an_end_heard_of_earlier_does_not_take_records_back() -> None:
    progress = Progress()
    progress.see(10, 25, 0)
    progress.see(10, 20, 0)
    assert progress.behind == 15


def test_records_that_wait_for_an_idle_reader_mean_that_its_consumer_has_stopped() -> None:
    dog = Watchdog(10)
    looks = [dog.look(now, 5, 8, held_up=False) for now in (0.0, 9.0, 10.0)]
    assert looks == [Verdict.FINE, Verdict.FINE, Verdict.RESTART]


def test_a_reader_at_the_end_one_that_moves_and_one_held_up_elsewhere_are_let_be() -> None:
    dog = Watchdog(10)
    assert all(dog.look(now, 8, 8, held_up=False) is Verdict.FINE for now in (0.0, 20.0, 40.0))
    assert all(dog.look(60.0 + at, 8 + at, 99, held_up=False) is Verdict.FINE for at in range(0, 60, 20))
    assert all(dog.look(now, 48, 99, held_up=True) is Verdict.FINE for now in (120.0, 140.0, 160.0))
    assert dog.look(169.0, 48, 99, held_up=False) is Verdict.FINE


def test_one_that_takes_nothing_after_it_was_started_anew_is_given_up() -> None:
    dog = Watchdog(10)
    dog.restarted()
    assert dog.look(0.0, 5, 8, held_up=False) is Verdict.FINE
    assert dog.look(10.0, 5, 8, held_up=False) is Verdict.GIVE_UP


def test_once_it_has_moved_the_next_stop_is_the_first_again() -> None:
    dog = Watchdog(10)
    dog.restarted()
    dog.look(0.0, 5, 8, held_up=False)
    dog.look(1.0, 6, 8, held_up=False)
    assert dog.look(2.0, 6, 8, held_up=False) is Verdict.FINE
    assert dog.look(12.0, 6, 8, held_up=False) is Verdict.RESTART
