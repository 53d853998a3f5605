"""Secrets: where they come from, and that nothing shows them."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console
from rich.pretty import pprint

from streams.config.load import load_text
from streams.config.secrets import Variables
from streams.errors import CannotStart, ConfigError
from tests.streams.config.files import GOOD, load

VALUES = ("hook-value", "signing-value", "anna-value", "no-such-kind")


def no_file(path: str) -> str:
    raise OSError(path)


def test_a_name_goes_before_its_file() -> None:
    variables = Variables({"A": "direct", "A_FILE": "/a"}, lambda path: "from file")
    assert variables.value("A") == "direct"


def test_the_line_end_of_a_secret_file_is_no_part_of_it() -> None:
    assert Variables({"A_FILE": "/a"}, lambda path: " kept \r\n").value("A") == " kept "


def test_an_empty_variable_is_a_missing_one() -> None:
    with pytest.raises(LookupError, match="neither A nor A_FILE"):
        Variables({"A": ""}, no_file).value("A")


def test_nothing_shows_the_values() -> None:
    loaded = load((GOOD / "everything.yml").read_text(encoding="utf-8"))
    out = io.StringIO()
    pprint(loaded, console=Console(file=out))
    pprint(loaded.config, console=Console(file=out))
    shown = f"{loaded!r} {loaded} {loaded.config!r} {loaded.config} {out.getvalue()} {loaded.warnings}"
    for value in VALUES:
        assert value not in shown
    assert "Secret(***)" in shown


def test_no_encoder_writes_a_secret() -> None:
    config = load((GOOD / "everything.yml").read_text(encoding="utf-8")).config
    with pytest.raises(TypeError):
        msgspec.json.encode(config)
    with pytest.raises(TypeError):
        msgspec.msgpack.encode(config)


def test_without_an_environment_secrets_stay_unread() -> None:
    config = load_text('access: {write_keys: [{name: web, token: "${TOKEN}"}]}\nasks: {to: "${HOOK}"}\n').config
    with pytest.raises(CannotStart):
        config.access.write_keys[0].token.reveal()
    assert config.asks.to[0].kind == ""


def test_names_are_replaced_only_where_secrets_belong() -> None:
    loaded = load('journeys: {a: {owner: "${WEB_TOKEN}", steps: [{name: s, on: x.y}]}}\n')
    assert loaded.config.journeys["a"].owner == "${WEB_TOKEN}"
    assert [str(warning) for warning in loaded.warnings if "replaced" in warning.message] == [
        "journeys.a.owner: ${…} is replaced only in to, secret, token and url; here it stays as it is"
    ]


def test_all_missing_names_are_told() -> None:
    with pytest.raises(ConfigError) as caught:
        load('asks: {to: "webhook:https://${ONE}/${TWO}"}\n')
    assert [fault.message.split(" ")[0] for fault in caught.value.faults] == ["${ONE}", "${TWO}"]
