"""When a rule's condition is complete: sequences, counts in a window, absence, traits."""

from __future__ import annotations

from streams.care.askrules import AskRule, OfferRule
from streams.care.said import Said
from streams.care.state import Ask, Care, Watch
from streams.units import Count

_MOST_TIMES = 1000


def completes(rule: AskRule, care: Care, said: Said) -> Ask | None:
    """Take an event that may concern the rule; the ask that it makes due, where it completes the condition.

    Counts then restart. The ask has no time yet; it knows what was seen since its `after` event.
    """
    watch = care.watches.get(rule.key)
    made: Ask | None = None
    if watch is not None and watch.until is not None:
        if said.effective > watch.until:
            watch.until = watch.early = None
        elif rule.then is not None and rule.then.matches(said):
            made = watch.early or _ask(rule, said)
            made.cause = said.cause
            watch.until = watch.early = None
    if rule.after.matches(said) and (rule.traits is None or rule.traits(said.traits, said.traits)):
        if rule.count is not None:
            watch = _watch(care, rule.key)
        reached = _counted(rule.count, watch, said.effective) and not _present(rule, watch, said.effective)
        if reached and rule.then is not None:
            watch = _watch(care, rule.key)
            watch.until = said.effective + rule.then_within
            watch.early = watch.early or _ask(rule, said)
        elif reached:
            made = _ask(rule, said)
    if rule.absent is not None and rule.absent.matches(said):
        _watch(care, rule.key).seen = [said.effective]
    _tidy(care, rule.key)
    return made


def offered(rule: OfferRule, care: Care, said: Said) -> int | None:
    """How many of its events there were, where this one makes an offer due; None where it does not."""
    watch = care.watches.get(rule.key)
    if not rule.on.matches(said) or (watch is not None and watch.done):
        return None
    if rule.count is None:
        n = 1
    else:
        watch = _watch(care, rule.key)
        if not _counted(rule.count, watch, said.effective):
            return None
        n = rule.count.n
    if rule.once:
        _watch(care, rule.key).done = True
    _tidy(care, rule.key)
    return n


def _ask(rule: AskRule, said: Said) -> Ask:
    return Ask(rule.name, rule.metric, said.cause, said.effective, said.effective, None)


def _watch(care: Care, key: str) -> Watch:
    watch = care.watches.get(key)
    if watch is None:
        watch = care.watches[key] = Watch()
    return watch


def _counted(count: Count | None, watch: Watch | None, now: int) -> bool:
    if count is None or watch is None:
        return True
    since = None if count.within is None else now - count.within
    times = [time for time in watch.times if since is None or time >= since][-_MOST_TIMES:]
    times.append(now)
    reached = len(times) >= count.n
    watch.times = [] if reached else times
    return reached


def _present(rule: AskRule, watch: Watch | None, now: int) -> bool:
    return bool(watch is not None and watch.seen and now - watch.seen[-1] <= rule.absent_within)


def _tidy(care: Care, key: str) -> None:
    if care.watches.get(key) == _NOTHING:
        del care.watches[key]


_NOTHING = Watch()
