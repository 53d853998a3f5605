"""The example journeys, written a second time by hand."""

from __future__ import annotations

from collections.abc import Callable

from tests.examples_independent.funnel import DAY, SECOND, Funnel, Step, Touch

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def _on(*types: str) -> Callable[[Touch], bool]:
    return lambda touch: touch.type in types


def loan() -> Funnel:
    """examples/loan.yml: application."""
    return Funnel(
        [
            Step("submitted", _on("application.submitted")),
            Step("preaccepted", _on("application.preaccepted"), 1 * DAY),
            Step("accepted", _on("application.accepted"), 5 * DAY, optional=True),
            Step("offered", _on("offer.sent"), 7 * DAY),
            Step("returned", _on("offer.returned"), 21 * DAY),
            Step("approved", _on("application.approved"), 14 * DAY),
            Step("activated", _on("loan.activated"), 1 * DAY),
        ],
        keep=30 * DAY,
    )


def purchase() -> Funnel:
    """examples/shop.yml: purchase."""
    return Funnel(
        [
            Step("cart", _on("cart.updated")),
            Step("checkout", _on("checkout.started"), 30 * MINUTE, optional=True),
            Step("paid", _on("order.completed"), 30 * MINUTE),
        ]
    )


def browsing() -> Funnel:
    """examples/shop.yml: browsing."""
    return Funnel(
        [
            Step("viewed", _on("product.viewed")),
            Step("cart", _on("cart.updated"), 10 * MINUTE),
            Step("paid", _on("order.completed"), 30 * MINUTE),
        ],
        keep=1 * HOUR,
    )


def ticket() -> Funnel:
    """examples/support.yml: ticket."""
    return Funnel(
        [
            Step("received", _on("ticket.received")),
            Step("taken", _on("ticket.taken"), 1 * DAY),
            Step("escalated", _on("ticket.escalated"), 30 * DAY, optional=True),
            Step("resolved", _on("ticket.resolved"), 15 * DAY),
            Step("closed", _on("ticket.closed"), 60 * DAY),
        ],
        by="ticket",
        keep=14 * DAY,
    )


def regained() -> Funnel:
    """examples/survey.yml: regained."""
    return Funnel(
        [
            Step("disappointed", lambda touch: touch.data["score"] <= 2),
            Step("undecided", lambda touch: touch.data["score"] == 3, 90 * DAY, optional=True),
            Step("pleased", lambda touch: touch.data["score"] >= 4, 180 * DAY),
        ],
        by="vendor",
        keep=30 * DAY,
    )


def returning() -> Funnel:
    """examples/survey.yml: returning."""
    return Funnel(
        [
            Step("rated", lambda touch: touch.data["score"] >= 4),
            Step("lapsed", lambda touch: touch.data["score"] <= 2, 365 * DAY),
        ]
    )
