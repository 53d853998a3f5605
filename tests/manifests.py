"""The Kubernetes manifests as data, and what the API would say of them; for the tests about them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "kubernetes"
EXAMPLE = FOLDER / "overlays" / "example"
PARTS = sorted(path for path in FOLDER.rglob("*.yaml") if path.name != "kustomization.yaml")
SCHEMA = json.loads((ROOT / "tests" / "testdata" / "schemas" / "kubernetes.json").read_text(encoding="utf-8"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
SECRETS = {"TOUCHLINE_WRITE_KEY": "w" * 32, "TOUCHLINE_CONSOLE_TOKEN": "c" * 32}
COMPONENT = "app.kubernetes.io/component"
Object = dict[str, Any]


def read(path: Path) -> list[Object]:
    """The objects of one file."""
    return [found for found in yaml.safe_load_all(path.read_text(encoding="utf-8")) if found]


OBJECTS = [found for path in PARTS for found in read(path)]
WORKLOADS = [found for found in OBJECTS if found["kind"] in ("StatefulSet", "Deployment", "Job")]
BASE: Object = yaml.safe_load((FOLDER / "base" / "kustomization.yaml").read_text(encoding="utf-8"))


def name_of(found: Object) -> str:
    """Kind and name, for messages."""
    return f"{found['kind']} {found['metadata']['name']}"


def faults(found: Object) -> list[str]:
    """What the API would not know of an object."""
    kind = SCHEMA["kinds"].get(f"{found.get('apiVersion')} {found.get('kind')}")
    if kind is None:
        return [f"no kind {found.get('apiVersion')} {found.get('kind')}"]
    checker = Draft202012Validator({**kind, "$defs": SCHEMA["$defs"]})
    return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in checker.iter_errors(found)]


def one(kind: str, name: str) -> Object:
    """The object of that kind and name."""
    (found,) = [found for found in OBJECTS if (found["kind"], found["metadata"]["name"]) == (kind, name)]
    return found


def pod(found: Object) -> Object:
    """The pod of a workload."""
    spec: Object = found["spec"]["template"]["spec"]
    return spec


def container(found: Object) -> Object:
    """Its only container."""
    (only,) = pod(found)["containers"]
    assert isinstance(only, dict)
    return only


def addresses() -> dict[str, str]:
    """The settings all containers read."""
    (entry,) = [entry for entry in BASE["configMapGenerator"] if entry["name"] == "touchline-addresses"]
    return dict(literal.split("=", 1) for literal in entry["literals"])
