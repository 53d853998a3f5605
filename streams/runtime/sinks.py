"""Makes the sinks of a file's receivers, and says beforehand which of them cannot be made."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from connectors.sinks.contract import NotEquipped, Opening, Receiving, abilities_of, find
from streams.config.faults import Faults, shown_path
from streams.config.load import Loaded
from streams.config.nodes import read_yaml
from streams.config.secrets import Variables
from streams.delivery.receivers import Receiver, receivers_of
from streams.errors import CannotStart, ConfigError, Fault

ALLOW_PRIVATE = "TOUCHLINE_ALLOW_PRIVATE"
"""Set to `true`, every webhook may go to private addresses, as on a laptop."""


def make_sink(receiver: Receiver, variable: Callable[[str], str] | None = None) -> Receiving:
    """A receiver's sink. Raises ValueError, NotEquipped, or CannotStart for an address that was left unread.

    `variable` gives values of the environment, the process's own without one.
    """
    variable = variable or environment_variable
    opening = Opening(
        receiver.address.reveal(),
        None if receiver.secret is None else receiver.secret.reveal(),
        receiver.allow_private or variable(ALLOW_PRIVATE).lower() in ("1", "true", "yes"),
        variable,
        receiver.console,
    )
    return find(receiver.kind)(opening)


def environment_variable(name: str) -> str:
    """A variable of the process, or the text of the file that `NAME_FILE` names; empty where neither is set."""
    try:
        return Variables(os.environ, lambda path: Path(path).read_text(encoding="utf-8")).value(name)
    except LookupError:
        return ""


def check_receivers(loaded: Loaded, variable: Callable[[str], str] | None = None) -> None:
    """Raises ConfigError for receivers whose address or secret will not do; nothing is opened."""
    faults: list[Fault] = []
    root = read_yaml(loaded.text, Faults())
    for receiver in receivers_of(loaded.config, abilities_of).values():
        try:
            if receiver.digest and not receiver.abilities.digest:
                raise ValueError(
                    "makes no digests; leave out `digest`, or give this receiver a subscription of its own"
                )
            make_sink(receiver, variable)
        except (ValueError, CannotStart) as error:
            line = 1 if root is None else root.line_of(receiver.place)
            faults.append(Fault(shown_path(receiver.place), line, f"{receiver.kind}: {error}"))
        except NotEquipped:
            continue  # another machine may be; where it runs, health says so
    if faults:
        raise ConfigError(tuple(sorted(faults, key=lambda fault: fault.line)), loaded.name)
