"""What every detector keeps to: numbers in, one at a time, and a verdict out.

A detector named in a file (`detector: page_hinkley`) is the class of that name in the module of that name:
`detectors/page_hinkley.py`, `PageHinkley`. Its options are the parameters of its constructor.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from typing import ClassVar, Literal, NamedTuple

import detectors

Guarantee = Literal["exact", "given baseline", "calibrated", "none"]
"""What the budget of false alarms rests on.

`exact`: no more than the stated assumption on the data. `given baseline`: that the learnt baseline lies within its
bound. `calibrated`: measured on the series' own quiet history. `none`: a detector of River's that knows no budget.
"""

WEEK_SECONDS = 604_800


class Verdict(NamedTuple):
    """What a detector says after an observation."""

    alarm: bool
    level: float
    """Evidence against "nothing is wrong": 1 and more alarms, 0.1 is pending."""


class Detector(ABC):
    """One series watched for one change.

    Parameters are stored under their own names; `update` is the only verb that moves the state.
    """

    guarantee: ClassVar[Guarantee]

    @abstractmethod
    def update(self, x: float, credit: float | None = None) -> Verdict:
        """Take one observation; after an alarm the evidence begins anew.

        `credit` is the expected number of false alarms granted for this observation; None: the constructor's.
        An `x` that is NaN is passed over: the verdict repeats the present level and nothing changes.
        """

    def settle(self) -> None:  # noqa: B027 – for the detectors that have nothing to drop
        """Drop the evidence, keep what was learnt. River's detectors, in which the two are one, keep everything."""

    @abstractmethod
    def snapshot(self) -> bytes:
        """The state, for `restore`; parameters are not part of it."""

    @abstractmethod
    def restore(self, body: bytes) -> None:
        """Take what `snapshot` of a detector with the same parameters wrote. Raises ValueError for anything else."""


def names() -> list[str]:
    """Every detector that a file may name."""
    modules = [module.name for module in pkgutil.iter_modules(detectors.__path__) if not module.ispkg]
    return sorted(name for name in modules if name != "contract" and _class_of(name) is not None)


def find(name: str) -> type[Detector]:
    """The detector of a name. Raises KeyError when there is none."""
    modules = {module.name for module in pkgutil.iter_modules(detectors.__path__) if not module.ispkg}
    found = _class_of(name) if name in modules - {"contract"} else None
    if found is None:
        raise KeyError(name)
    return found


def _class_of(name: str) -> type[Detector] | None:
    # Only what is named is imported: River takes a second.
    module = importlib.import_module(f"detectors.{name}")
    kind = getattr(module, class_name(name), None)
    return kind if isinstance(kind, type) and issubclass(kind, Detector) else None


def class_name(name: str) -> str:
    """`page_hinkley` is `PageHinkley`; a class may spell an abbreviation in capitals under that name as an alias."""
    return "".join(part.capitalize() for part in name.split("_"))
