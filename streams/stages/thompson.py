"""How likely each arm is the best one, given how often it was asked and answered: River's Thompson sampling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from river import bandit, proba

PULLS = 256
"""Draws of the policy; a share of them is good to some hundredths, which is as good as any other draw of Thompson's."""
_WHOLE = 1_000_000


class _Informed(bandit.ThompsonSampling):
    """River's policy, told of many answers at once rather than one by one."""

    def know(self, arm: str, answered: int, unanswered: int) -> None:
        """So many of each have been seen."""
        believed = self._rewards[arm]
        assert isinstance(believed, proba.Beta)
        believed.alpha += answered
        believed.beta += unanswered


def best_shares(seen: Mapping[str, tuple[int, int]], seed: int) -> dict[str, int]:
    """Arm -> how likely it is the best one, in millionths, from arm -> (asked, answered of them).

    Thompson sampling (Chapelle & Li 2011, "An empirical evaluation of Thompson sampling") with a uniform prior: in each
    of `PULLS` draws every arm's answer rate is drawn from what is believed of it, and the largest wins; the share of
    draws won is the answer. The same `seed` gives the same shares, and close ones where the counts are close.
    """
    policy = _Informed(reward_obj=proba.Beta(), seed=seed)
    for arm, (asked, answered) in seen.items():
        policy.know(arm, answered, asked - answered)
    arms: list[bandit.base.ArmID] = list(seen)
    won = Counter(policy.pull(arms) for _ in range(PULLS))
    return {arm: _WHOLE * won[arm] // PULLS for arm in seen}
