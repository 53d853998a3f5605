"""Where a deficit lies, and the sentence that says so."""

from __future__ import annotations

import math

import msgspec

_Z = 1.959963984540054

Conditions = tuple[tuple[str, str], ...]
"""A conjunction: (dimension, value) each."""


class Ratio(msgspec.Struct, frozen=True):
    """What came divided by what was expected, with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, observed: float, expected: float, dispersion: float) -> Ratio:
        """For counts of variance `dispersion` × mean. `expected` > 0.

        Byar's approximation to the exact Poisson interval (Breslow & Day 1987, vol. II, 2.3), within 1 % of it; a
        dispersed count weighs as much as N/φ independent ones.
        """
        count, mean = observed / dispersion, expected / dispersion
        low = 0.0
        if count > 0:
            low = max(0.0, 1 - 1 / (9 * count) - _Z / (3 * math.sqrt(count))) ** 3 * count
        above = count + 1
        high = (1 - 1 / (9 * above) + _Z / (3 * math.sqrt(above))) ** 3 * above
        return cls(observed / expected, low / mean, high / mean)

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}–{self.high:.2f})"


class Attribution(msgspec.Struct, frozen=True):
    """Where a deficit lies."""

    segments: tuple[dict[str, str], ...] | None
    """Conjunctions whose union fell; empty: everywhere; None: not enough data to tell."""
    share: float | None
    """Part of the deficit that lies there, 0…1; None where no segment is named."""
    inside: Ratio | None
    """Of the named segments; of everything where none is named; None where nothing was expected."""
    outside: Ratio | None
    """Of the rest; None where no segment is named."""
    score: float
    """Of the best candidate, in nats: above 0 it explains more than it costs; -inf without candidates."""
    explanation: str
    """One sentence, without a full stop. Intervals are those of the sets as they are: the set was chosen for being low,
    which they do not allow for."""


def somewhere(
    conditions: tuple[Conditions, ...], share: float, inside: Ratio, outside: Ratio, score: float
) -> Attribution:
    """The deficit lies in these segments."""
    percent = f"{min(int(100 * share + 0.5), 100 if share == 1 else 99)} %"
    named = _named(conditions)
    return Attribution(
        tuple(dict(conjunction) for conjunction in conditions),
        share,
        inside,
        outside,
        score,
        f"{named} explains {percent} of what is missing: there {inside} of the usual completions, elsewhere {outside}",
    )


def everywhere(inside: Ratio | None, score: float) -> Attribution:
    """No segment stands out."""
    so_much = "" if inside is None else f": {inside} of the usual completions, and no segment stands apart"
    return Attribution((), None, inside, None, score, f"Everywhere{so_much}")


def untold(observed: float, expected: float, inside: Ratio | None, score: float) -> Attribution:
    """Nobody can tell from so few."""
    text = (
        f"Not enough data to tell which segments: {observed:,.0f} of {expected:,.0f} expected completions came so far"
    )
    return Attribution(None, None, inside, None, score, text)


def _named(conditions: tuple[Conditions, ...]) -> str:
    """`device=mobile`, `device=mobile in region=kyiv`, `region=kyiv, lviv or odesa`."""
    if len(conditions) == 1:
        return " with ".join(f"{dimension}={value}" for dimension, value in conditions[0])
    dimension = conditions[0][0][0]
    *others, last = [conjunction[0][1] for conjunction in conditions]
    return f"{dimension}={', '.join(others)} or {last}"
