"""`signals:` – numbers that are kept rolling over events: scores, durations, rates, shares."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from detectors import contract
from streams.config.blocks import Block
from streams.config.expect import Expect, ExpectForm
from streams.config.faults import Faults, Path, unknown
from streams.config.forms import BAD, Bad, Definitions, Schema, refuse
from streams.config.kinds import (
    AtLeastOne,
    Direction,
    EventTypes,
    FieldPath,
    Name,
    Severity,
    Value,
    Where,
)
from streams.config.nodes import Node

As = Literal["nps", "csat", "ces", "mean", "share", "rate", "sum", "p50", "p75", "p90", "p95", "p99", "session"]
MIN_N = 30
EMPLOYEE_MIN_N = 5
_SCALES = {"nps": (0.0, 10.0), "enps": (0.0, 10.0), "csat": (1.0, 5.0), "ces": (1.0, 7.0)}
_METRICS: dict[str, As] = {"nps": "nps", "enps": "nps", "csat": "csat", "ces": "ces"}
_SCORES = ("nps", "csat", "ces")
_QUANTILES = ("p50", "p75", "p90", "p95", "p99")
_RATIOS = ("share", "csat")
_WITH_VALUE = ("nps", "csat", "ces", "mean", "sum", *_QUANTILES)


class ScaleForm:
    """`[1, 5]`."""

    says = "a scale [lowest, highest] such as [1, 5]"

    def read(self, node: Node, path: Path, faults: Faults) -> tuple[float, float] | Bad:
        items = node.value if isinstance(node.value, list) else []
        ends = [item.value for item in items if type(item.value) is int or type(item.value) is float]
        if len(items) != 2 or len(ends) != 2:
            return refuse(self, node, path, faults)
        low, high = ends
        if low >= high:
            faults.add(path, node.line, f"expected the lower end first, got [{low:g}, {high:g}]")
            return BAD
        return float(low), float(high)

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}


class Of(Block, frozen=True, kw_only=True):
    """The events a share is taken of."""

    on: EventTypes
    """Event types of the denominator."""
    where: Where = None
    """Conditions on them."""


class Detector(Block, frozen=True, kw_only=True):
    """Which detector watches a signal."""

    shorthand: ClassVar[str] = "name"
    others: ClassVar[str] = "options"

    name: Name
    """File name in `detectors/`."""
    options: dict[Name, Value] = {}
    """Its own options."""


class Signal(Block, frozen=True, kw_only=True):
    """A rolling number with n and a 95 % interval."""

    on: EventTypes
    """The event type, or a list of types, it is measured on."""
    where: Where = None
    """Conditions on the event. `metric` in it decides the default of `as`."""
    value: FieldPath | None = None
    """Field of the data with the number; `score` for nps, csat and ces."""
    as_: As = "rate"
    """How values become one number: `nps`, `csat`, `ces`, `mean`, `share`, `rate` (per minute), `sum`, a quantile, or
    `session` (seconds). Without it what `where.metric` says, else `mean` with `value`, else `rate`."""
    journey: Name | None = None
    """Journey it is placed on."""
    step: Name | None = None
    """Step of that journey it is placed on."""
    kind: Literal["interaction", "perception", "outcome"] = "interaction"
    """What happened, how it felt, or what came of it; the rows of boards. Without it `perception` for nps, csat and
    ces, else `interaction`."""
    scale: Annotated[tuple[float, float], ScaleForm()] | None = None
    """Lowest and highest score. Without it that of the metric: nps [0, 10], csat [1, 5], ces [1, 7]."""
    of: Of | None = None
    """For `share`: the events of the denominator. Without it those of `on`, whatever `where` says."""
    min_n: AtLeastOne = MIN_N
    """Observations below which no value is shown. Without it 30, for `metric: enps` 5."""
    watch: Direction | None = None
    """Which changes raise alarms; scores downward unless said otherwise, others where asked."""
    expect: Annotated[tuple[Expect, ...], ExpectForm()] = ()
    """The user's own threshold, such as `{p90: "<= 360", over: 1h}`."""
    severity: Severity | None = None
    """Severity of a breach or alarm."""
    detector: Detector | None = None
    """A detector other than the usual one."""

    @classmethod
    def complete(cls, given: dict[str, Any]) -> None:
        where = given.get("where")
        metric = where.get("metric") if where else None
        if not isinstance(metric, str):
            metric = ""
        if "as_" not in given:
            given["as_"] = _METRICS.get(metric) or ("mean" if "value" in given else "rate")
        as_ = given["as_"]
        if as_ in _SCORES:
            given.setdefault("value", "score")
        if as_ in _SCORES or metric in _SCALES:
            given.setdefault("kind", "perception")
            if as_ in _SCORES or given.get("value") == "score":
                given.setdefault("scale", _SCALES[as_ if as_ in _SCORES else metric])
        if metric == "enps":
            given.setdefault("min_n", EMPLOYEE_MIN_N)
        if as_ == "share" and "of" not in given and "on" in given and where:
            given["of"] = Of(on=given["on"])

    def check(self) -> Iterator[tuple[Path, str]]:
        if self.as_ not in _WITH_VALUE and self.value is not None:
            yield ("value",), f"`as: {self.as_}` counts events and takes no value"
        if self.as_ in _WITH_VALUE and self.value is None:
            yield ("as",), f"`as: {self.as_}` needs `value`, the field with the number"
        if self.of is not None and self.as_ != "share":
            yield ("of",), f"`of` belongs to `as: share`, this signal is `as: {self.as_}`"
        if self.as_ == "share" and self.of is None:
            yield ("as",), "`as: share` needs `where`, or `of` with the events it is a share of"
        if self.step is not None and self.journey is None:
            yield ("step",), "a step needs its journey: add `journey`"
        if self.detector is not None:
            message = _unfit(self.detector)
            if message:
                yield ("detector",), message
        for expect in self.expect:
            message = self._impossible(expect)
            if message:
                yield ("expect", expect.quantity), message

    def _impossible(self, expect: Expect) -> str | None:
        possible = self._quantities()
        if expect.quantity not in possible:
            return f"a signal `as: {self.as_}` has no {expect.quantity}; it has {', '.join(possible)}"
        ratio = self.as_ in _RATIOS
        if expect.percent and not ratio:
            return f"a percentage means nothing for `as: {self.as_}`; expected a plain number"
        if ratio:
            low, high = 0.0, 1.0
        elif self.as_ == "nps":
            low, high = -100.0, 100.0
        elif self.as_ == "ces" and self.scale is not None:
            low, high = self.scale
        else:
            return None
        if not low <= expect.target <= high:
            hint = ", or 0% and 100%" if ratio else ""
            return f"expected a target between {low:g} and {high:g}{hint}, got {expect.target:g}"
        return None

    def _quantities(self) -> tuple[str, ...]:
        if self.as_ in ("mean", "session", *_QUANTILES):
            return ("value", *_QUANTILES)
        if self.as_ == "share" or self.as_ == "csat":
            return ("value", "share")
        return ("value", "rate") if self.as_ == "rate" else ("value",)


def _unfit(detector: Detector) -> str | None:
    """Why a detector cannot watch: there is none of the name, or it does not take the options."""
    try:
        kind = contract.find(detector.name)
    except KeyError:
        return unknown("detector", detector.name, contract.names())
    taken = inspect.signature(kind).parameters
    for option in detector.options:
        if option not in taken:
            return unknown(f"option of {detector.name}", option, list(taken))
    try:
        kind(**detector.options)
    except (TypeError, ValueError) as error:
        return f"{detector.name} cannot be made with {detector.options}: {error}"
    return None
