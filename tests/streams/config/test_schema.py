"""The JSON Schema of the file is shipped, current, and agrees with the loader on good files."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from streams.config import load as config_load
from streams.config.faults import Faults
from streams.config.nodes import read_yaml
from streams.config.schema import schema, schema_text
from tests.streams.config.files import EXAMPLES, GOOD

SHIPPED = Path(config_load.__file__).with_name("touchline.schema.json")


def test_the_shipped_schema_is_current() -> None:
    """Mend with `touchline schema > streams/config/touchline.schema.json`."""
    assert SHIPPED.read_text(encoding="utf-8") == schema_text()


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize(
    "path", [*sorted(GOOD.glob("*.yml")), *sorted(EXAMPLES.glob("*.yml"))], ids=lambda path: path.stem
)
def test_good_files_pass_the_schema(path: Path) -> None:
    root = read_yaml(path.read_text(encoding="utf-8"), Faults())
    assert root is not None
    Draft202012Validator(schema()).validate(root.plain())


def test_every_key_is_described() -> None:
    for name, definition in schema()["$defs"].items():
        whole = definition["anyOf"][-1] if "anyOf" in definition else definition
        if name not in ("Where", "Expect"):
            for key, described in whole["properties"].items():
                assert described.get("description"), f"{name}.{key}"
