"""Errors carry an exit code and a text for the person in front of the terminal."""

from __future__ import annotations

from streams.errors import CannotStart, ConfigError, Fault, InputError, TouchlineError, UsageError


def test_exit_codes_are_those_of_the_contract() -> None:
    assert ConfigError([]).exit_code == InputError("x").exit_code == 1
    assert (UsageError("x").exit_code, CannotStart("x").exit_code) == (2, 3)
    for kind in (ConfigError, InputError, UsageError, CannotStart):
        assert issubclass(kind, TouchlineError)


def test_a_fault_says_where_it_is() -> None:
    fault = Fault("signals.csat", 7, "expected a mapping")
    assert str(fault) == "signals.csat: expected a mapping"
    assert fault.at("shop.yml") == "shop.yml:7: signals.csat: expected a mapping"
    assert str(Fault("", 1, "the file is empty")) == "the file is empty"


def test_a_config_error_tells_every_fault() -> None:
    error = ConfigError([Fault("a", 1, "one"), Fault("b", 2, "two")], "shop.yml")
    assert str(error) == "shop.yml:1: a: one\nshop.yml:2: b: two"
