"""What is kept of one customer, as the API shows it."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.customer import ABANDONED, CLOSED, IN_FLIGHT, Customer
from streams.journeys import SEPARATOR
from streams.units import format_time

_STATES = {IN_FLIGHT: "in_flight", ABANDONED: "abandoned", CLOSED: "closed"}


class Instance(msgspec.Struct, frozen=True):
    """One way through one journey."""

    journey: str
    by: str | None
    """Value of the journey's `by`, where it has one."""
    step: str
    """The step last entered."""
    state: str
    """`in_flight`, `abandoned`, or `closed`: at its goal, which stays closed for this `by` value."""
    entered: str
    deadline: str
    """Last moment at which going on is in time."""


class CustomerView(msgspec.Struct, frozen=True):
    """`GET /api/v1/customers/{id}`."""

    id: str
    identified: bool
    into: str | None
    """The id this one was merged into; everything else is there."""
    last_event: str
    journeys: list[Instance]
    traits: dict[str, Any]


def customer_view(customer_id: str, customer: Customer) -> CustomerView:
    """A customer's state for people."""
    instances = []
    for key, instance in sorted(customer.instances.items()):
        journey, _, by = key.partition(SEPARATOR)
        instances.append(
            Instance(
                journey,
                by or None,
                instance.step,
                _STATES[instance.state],
                format_time(instance.entered),
                format_time(instance.deadline),
            )
        )
    return CustomerView(
        customer_id,
        customer.identified,
        customer.into,
        format_time(customer.touched),
        instances,
        customer.traits,
    )
