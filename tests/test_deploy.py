"""The files that deploy Touchline: their shape, and that what they start exists with these arguments."""

from __future__ import annotations

import argparse
import copy
import importlib
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from streams.config.load import load_text
from tests.servers import alertmanager
from tests.servers.base import ServerMissing, skip_or_fail

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"].startswith("touchline:"))
PINNED = sorted(set(SERVICES) - set(OURS))
SECRETS = {"TOUCHLINE_WRITE_KEY": "w" * 32, "TOUCHLINE_CONSOLE_TOKEN": "c" * 32}
SCHEMA = Draft202012Validator(
    json.loads((ROOT / "tests" / "testdata" / "schemas" / "compose.json").read_text(encoding="utf-8"))
)


def test_compose_starts_what_a_cluster_needs() -> None:
    assert set(SERVICES) == {
        "kafka", "redis", "topics", "worker", "collector", "traffic", "alertmanager", "prometheus", "grafana",
    }  # fmt: skip
    assert SERVICES["worker"]["deploy"]["replicas"] == 2


def test_compose_says_nothing_the_specification_does_not_know() -> None:
    assert [error.message for error in SCHEMA.iter_errors(COMPOSE)] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda compose: compose["services"]["worker"].update(commands=["worker"]),
        lambda compose: compose["services"]["kafka"]["healthcheck"].update(interval=10),
        lambda compose: compose["services"]["redis"].pop("image"),
        lambda compose: compose["services"]["collector"]["depends_on"]["kafka"].update(condition="healthy"),
        lambda compose: compose.update(network={}),
    ],
)
def test_a_mistake_in_it_would_be_found(spoil: Callable[[dict[str, Any]], object]) -> None:
    spoilt = copy.deepcopy(COMPOSE)
    spoil(spoilt)
    assert not SCHEMA.is_valid(spoilt)


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_change_nothing_of_their_own(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert all(mount.endswith(":ro") for mount in service["volumes"])


def test_workers_may_be_many() -> None:
    worker = SERVICES["worker"]
    assert not {"ports", "container_name"} & set(worker)
    assert "--instance" not in worker["command"], "two workers of one name would drive each other out"


def test_secrets_have_no_default_and_stand_in_no_command() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for name in SECRETS:
        assert re.search(rf"\$\{{{name}:\?", text)
    for name in OURS:
        assert not any("$" in word for word in SERVICES[name]["command"])


@pytest.mark.parametrize("name", PINNED)
def test_images_of_others_are_pinned_to_a_version(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert tag[:1].isdigit() or tag[:1] == "v"
    assert "." in tag


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_lasting_service_says_how_it_is_checked(name: str) -> None:
    if SERVICES[name].get("restart") == "no":
        assert "healthcheck" not in SERVICES[name]
    else:
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_waits_for_services_that_can_tell(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert how["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "no"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_a_service_mounts_is_in_the_repository_or_a_named_volume(name: str) -> None:
    for mount in SERVICES[name].get("volumes", []):
        source = mount.split(":")[0]
        assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], mount


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", OURS)
def test_our_services_start_commands_that_take_these_arguments(name: str) -> None:
    command, *arguments = SERVICES[name]["command"]
    module = importlib.import_module(f"streams.commands.{command.replace('-', '_')}")
    parser = argparse.ArgumentParser(exit_on_error=False)
    module.arguments(parser)
    _, unknown = parser.parse_known_args(arguments)
    assert not unknown


def test_the_collector_writes_where_the_workers_read() -> None:
    options = {}
    for name in ("collector", "worker", "topics"):
        words = SERVICES[name]["command"]
        options[name] = {option: words[words.index(option) + 1] for option in ("--kafka", "-c")}
        assert "--name" not in words, "give it to all three"
    assert options["collector"] == options["worker"] == options["topics"]
    assert options["collector"]["--kafka"].split(":")[0] in SERVICES["collector"]["depends_on"]
    assert "--data" not in SERVICES["collector"]["command"]


def test_visitors_are_simulated_at_the_door() -> None:
    address = SERVICES["traffic"]["command"][SERVICES["traffic"]["command"].index("--to") + 1]
    listen = SERVICES["collector"]["command"][SERVICES["collector"]["command"].index("--listen") + 1]
    assert address == f"http://collector:{listen.rsplit(':')[-1]}"


def test_alerts_of_touchline_and_of_prometheus_meet_in_one_alertmanager() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    (entry,) = rules["alerting"]["alertmanagers"]
    assert entry["static_configs"][0]["targets"] == ["alertmanager:9093"]
    config = yaml.safe_load((ROOT / "deploy" / "config" / "shop.yml").read_text(encoding="utf-8"))
    assert [entry["to"] for entry in config["subscriptions"]] == ["alertmanager:http://alertmanager:9093"]
    routes = yaml.safe_load((ROOT / "deploy" / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8"))
    named = {routes["route"]["receiver"], *(route["receiver"] for route in routes["route"]["routes"])}
    assert named == {receiver["name"] for receiver in routes["receivers"]}


def test_every_named_volume_is_mounted() -> None:
    mounts = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    assert set(COMPOSE["volumes"]) <= mounts


@pytest.mark.parametrize("path", sorted((ROOT / "deploy" / "config").glob("*.yml")), ids=lambda path: path.name)
def test_the_deployed_configuration_has_no_fault_and_no_warning(path: Path) -> None:
    loaded = load_text(path.read_text(encoding="utf-8"), path.name, environ=SECRETS)
    assert loaded.warnings == ()
    assert loaded.config.access.write_keys


@pytest.mark.prometheus
def test_prometheus_takes_its_configuration(promtool: str) -> None:
    command = [promtool, "check", "config", "--syntax-only", str(ROOT / "deploy" / "prometheus" / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
def test_alertmanager_takes_its_configuration() -> None:
    try:
        amtool = alertmanager.amtool()
    except ServerMissing as missing:
        skip_or_fail(str(missing))
    command = [amtool, "check-config", str(ROOT / "deploy" / "alertmanager" / "alertmanager.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_scrapes_our_services_by_their_names() -> None:
    text = (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["scrape_configs"]
    hosts = {name for job in jobs for entry in job.get("dns_sd_configs", []) for name in entry["names"]}
    hosts |= {
        target.split(":")[0] for job in jobs for entry in job.get("static_configs", []) for target in entry["targets"]
    }
    assert hosts
    assert hosts <= set(OURS)


def test_grafana_reads_from_the_prometheus_beside_it() -> None:
    folder = ROOT / "grafana" / "provisioning"
    source = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text(encoding="utf-8"))["datasources"][0]
    provider = yaml.safe_load((folder / "dashboards" / "touchline.yml").read_text(encoding="utf-8"))["providers"][0]
    assert source["url"].removeprefix("http://").split(":")[0] in SERVICES
    assert source["uid"]
    mounts = [mount.split(":")[1] for mount in SERVICES["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounts
    assert provider["allowUiUpdates"] is False
