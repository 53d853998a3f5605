"""The event types everybody shares. Users may add any; a near miss of one of these is probably a slip."""

from __future__ import annotations

import difflib

TYPES = frozenset(
    [
        "page.viewed",
        "cart.updated",
        "checkout.started",
        "payment.failed",
        "order.completed",
        "order.delivered",
        "order.cancelled",
        "account.created",
        "product.used",
        "call.started",
        "call.held",
        "call.transferred",
        "call.ended",
        "chat.started",
        "chat.ended",
        "survey.sent",
        "survey.answered",
        "complaint.received",
        "complaint.resolved",
        "case.opened",
        "case.assigned",
        "case.contacted",
        "case.resolved",
        "case.communicated",
        "case.closed",
        "case.reopened",
        "mention.posted",
        "audit.completed",
        "pulse.answered",
        "message.published",
        "message.acknowledged",
        "change.deployed",
        "customer.identified",
        "customer.merged",
        "subscription.cancelled",
    ]
)


def near_miss(event_type: str) -> str | None:
    """The shared type that was probably meant; None for a shared type and for one of the user's own."""
    if event_type in TYPES:
        return None
    close = difflib.get_close_matches(event_type, TYPES, n=1, cutoff=0.9)
    return close[0] if close else None
