"""On which channel a customer is asked: what they allow, what fits the moment, what they prefer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

E_MAIL = "email"


def allowed(channel: str, traits: Mapping[str, Any], consent: str) -> bool:
    """Whether consent does not stand in the way.

    `consent` is the file's: with `opt_out` a channel is allowed unless the trait `consent` refuses it (`{email:
    false}`, or `false` for all), with `opt_in` only when it grants it.
    """
    stated = traits.get("consent")
    answer = stated.get(channel) if isinstance(stated, Mapping) else stated
    return answer is True if consent == "opt_in" else answer is not False


def preferred(available: Sequence[str], traits: Mapping[str, Any]) -> str | None:
    """The first of these that the customer's trait `channel_preference` names: a name, or a list of them."""
    stated = traits.get("channel_preference")
    wanted = list(stated) if isinstance(stated, list | tuple) else [stated]
    return next((str(one) for one in wanted if one in available), None)


def choose(available: Sequence[str], traits: Mapping[str, Any], last_answered: str) -> str:
    """The stated preference, else the channel last answered on, else the rule's first."""
    stated = preferred(available, traits)
    if stated is not None:
        return stated
    return last_answered if last_answered in available else available[0]


def fit(channels: Sequence[str], barred: Collection[str], traits: Mapping[str, Any], *, mails: bool) -> tuple[str, ...]:
    """Channels of the rule that neither its `channel_rules` nor a missing address exclude, in its order.

    `mails`: our own e-mail sender delivers, so that an address is needed.
    """
    return tuple(
        channel
        for channel in channels
        if channel not in barred and not (mails and channel == E_MAIL and not isinstance(traits.get("email"), str))
    )
