"""Customers who are erased in the middle of a journey: they are in flight no more, and have not given up either."""

from __future__ import annotations

from collections.abc import Iterable

from streams.config.structs import Config
from streams.customer import IN_FLIGHT, Customer
from streams.journeys import SEPARATOR
from streams.stages.head import Head
from streams.tally import MERGED, Tally, mapping_of, reshape
from streams.units import SECOND


def take_out(customers: Iterable[Customer], config: Config, head: Head, tally: Tally) -> None:
    """Count their way through each journey as `merged` in the open tick, by the step and second that they entered.

    `config` is the file that `head` follows. Steps that it has no more are counted nowhere.
    """
    steps = {(name, step.name) for name, journey in config.journeys.items() for step in journey.steps}
    dimensions = head.shapes[-1]
    for customer in customers:
        mapping = mapping_of(head.shapes[customer.shape], dimensions)
        for key, instance in customer.instances.items():
            place = (key.split(SEPARATOR, 1)[0], instance.step)
            if instance.state == IN_FLIGHT and place in steps:
                cell = reshape(instance.cell, mapping)
                tally.book(*place).settle(cell, instance.entered // SECOND, MERGED, instance.value)
