"""The Kubernetes manifests: known fields only, safe pods, and names, ports and commands that fit each other."""

from __future__ import annotations

import argparse
import copy
import importlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.config.load import load_text
from streams.runtime.cluster.topics import DEFAULT_PARTITIONS, REPLICATION, Names
from tests.manifests import (
    BASE,
    COMPONENT,
    EXAMPLE,
    OBJECTS,
    ROOT,
    SECRETS,
    VERSION,
    WORKLOADS,
    Object,
    addresses,
    container,
    faults,
    name_of,
    one,
    pod,
)

# -- fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", OBJECTS, ids=name_of)
def test_the_api_knows_every_field(found: Object) -> None:
    assert faults(found) == []


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("StatefulSet", lambda spec: spec["template"]["spec"]["containers"][0].update(readinesProbe={})),
        ("StatefulSet", lambda spec: spec.update(replicas="2")),
        ("Deployment", lambda spec: spec["template"]["spec"]["containers"][0].pop("name")),
        ("Deployment", lambda spec: spec["template"]["spec"]["securityContext"].update(runAsNonRoot="yes")),
        ("Job", lambda spec: spec.update(ttlSecondsAfterFinish=1)),
        ("NetworkPolicy", lambda spec: spec["egress"][0].update(port=53)),
        ("PodDisruptionBudget", lambda spec: spec.update(maxUnavailible=1)),
        ("ScaledObject", lambda spec: spec.update(minReplicas=1)),
        ("PodMonitor", lambda spec: spec["podMetricsEndpoints"][0].update(interval=15)),
    ],
)
def test_a_mistake_in_one_would_be_found(kind: str, spoil: Callable[[Object], object]) -> None:
    spoilt = copy.deepcopy(next(found for found in OBJECTS if found["kind"] == kind))
    spoil(spoilt["spec"])
    assert faults(spoilt)


# -- pods ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", WORKLOADS, ids=name_of)
def test_pods_keep_to_the_restricted_standard(found: Object) -> None:
    spec, only = pod(found), container(found)
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert user is not None
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": int(user[1]),
        "runAsGroup": int(user[2]),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert {"cpu", "memory"} <= set(only["resources"]["requests"])
    assert "memory" in only["resources"]["limits"]


@pytest.mark.parametrize("found", WORKLOADS, ids=name_of)
def test_containers_start_commands_that_take_these_arguments(found: Object) -> None:
    only = container(found)
    known = {**addresses(), **{entry["name"]: "name" for entry in only.get("env", [])}}
    words = [re.sub(r"\$\((\w+)\)", lambda match: known[match[1]], word) for word in only["args"]]
    command, *arguments = words
    module = importlib.import_module(f"streams.commands.{command}")
    parser = argparse.ArgumentParser(exit_on_error=False)
    module.arguments(parser)
    taken = parser.parse_args(arguments)
    assert taken.kafka == addresses()["TOUCHLINE_KAFKA"]
    assert taken.name == "touchline"
    mounts = {mount["name"]: mount["mountPath"] for mount in only["volumeMounts"]}
    assert Path(taken.config).parent == Path(mounts["config"])
    assert Path(taken.config).name == "touchline.yml"
    sources = {source["name"] for entry in only["envFrom"] for source in entry.values()}
    assert sources == {"touchline-addresses", "touchline-secrets"}


def test_each_worker_is_the_member_of_its_groups_that_its_pod_is_named_after() -> None:
    found = one("StatefulSet", "touchline-worker")
    words = container(found)["args"]
    assert words[words.index("--instance") + 1] == "$(POD_NAME)"
    (entry,) = container(found)["env"]
    assert entry["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    assert found["spec"]["serviceName"] == one("Service", "touchline-worker")["metadata"]["name"]


def test_the_defaults_are_those_of_the_command() -> None:
    assert addresses()["TOUCHLINE_PARTITIONS"] == str(DEFAULT_PARTITIONS)
    assert addresses()["TOUCHLINE_REPLICATION"] == str(REPLICATION)
    assert BASE["images"] == [{"name": "touchline", "newTag": VERSION}]


@pytest.mark.parametrize(("kind", "name"), [("StatefulSet", "touchline-worker"), ("Deployment", "touchline-collector")])
def test_lasting_containers_are_asked_whether_they_live_and_whether_they_are_ready(kind: str, name: str) -> None:
    only = container(one(kind, name))
    (port,) = only["ports"]
    assert int(only["args"][only["args"].index("--listen") + 1].rsplit(":")[-1]) == port["containerPort"]
    paths = {probe: only[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
    assert {probe: entry["path"] for probe, entry in paths.items()} == {
        "startup": "/livez", "liveness": "/livez", "readiness": "/readyz",
    }  # fmt: skip
    assert {entry["port"] for entry in paths.values()} == {port["name"]}


# -- how they fit together -------------------------------------------------------------------------------------------


def components() -> dict[str, Object]:
    """Workloads by their component, which their pods carry and their selectors choose."""
    found = {}
    for workload in WORKLOADS:
        label = workload["metadata"]["labels"][COMPONENT]
        assert workload["spec"]["template"]["metadata"]["labels"][COMPONENT] == label
        if workload["kind"] != "Job":
            assert workload["spec"]["selector"]["matchLabels"] == {COMPONENT: label}
        found[label] = workload
    return found


def test_services_budgets_and_policies_choose_pods_that_exist_and_ports_they_open() -> None:
    known = components()
    for service in (found for found in OBJECTS if found["kind"] == "Service"):
        (port,) = container(known[service["spec"]["selector"][COMPONENT]])["ports"]
        assert [entry["targetPort"] for entry in service["spec"]["ports"]] == [port["name"]]
    budgets = [found["spec"] for found in OBJECTS if found["kind"] == "PodDisruptionBudget"]
    assert {budget["selector"]["matchLabels"][COMPONENT] for budget in budgets} == set(known) - {"topics"}
    assert all(budget["maxUnavailable"] == 1 for budget in budgets)
    for policy in (found["spec"] for found in OBJECTS if found["kind"] == "NetworkPolicy"):
        chosen = policy["podSelector"].get("matchLabels", {}).get(COMPONENT)
        for rule in policy.get("ingress", []):
            (port,) = container(known[chosen])["ports"]
            assert [entry["port"] for entry in rule["ports"]] == [port["containerPort"]]
    monitor = one("PodMonitor", "touchline")["spec"]
    assert set(monitor["selector"]["matchExpressions"][0]["values"]) == set(known) - {"topics"}
    assert {endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]} == {"http"}
    assert monitor["podMetricsEndpoints"][0]["authorization"]["credentials"]["key"] in SECRETS


def test_nothing_comes_in_that_no_policy_names() -> None:
    everything = one("NetworkPolicy", "touchline")["spec"]
    assert set(everything["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in everything
    # An empty selector would be left empty, and would close the whole namespace.
    chosen = everything["podSelector"]["matchLabels"].items()
    assert chosen
    assert chosen <= BASE["labels"][0]["pairs"].items()


def test_workers_are_scaled_by_the_lag_of_their_group_in_steps_that_divide_the_partitions() -> None:
    spec = one("ScaledObject", "touchline-worker")["spec"]
    target = spec["scaleTargetRef"]
    assert one(target["kind"], target["name"])["apiVersion"] == target["apiVersion"]
    (trigger,) = spec["triggers"]
    asks = trigger["metadata"]
    assert asks["topic"] == Names().events
    assert asks["consumerGroup"] == f"{Names().name}-journeys"
    assert asks["ensureEvenDistributionOfPartitions"] == "true"
    assert asks["bootstrapServersFromEnv"] in addresses()
    least, most = spec["minReplicaCount"], spec["maxReplicaCount"]
    assert 1 <= least < most
    assert DEFAULT_PARTITIONS % least == DEFAULT_PARTITIONS % most == 0
    behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behaviour["scaleDown"]["stabilizationWindowSeconds"] > behaviour["scaleUp"]["stabilizationWindowSeconds"]


def test_the_example_has_a_file_without_faults_whose_secrets_are_named() -> None:
    text = (EXAMPLE / "touchline.yml").read_text(encoding="utf-8")
    loaded = load_text(text, "touchline.yml", environ=SECRETS)
    assert loaded.warnings == ()
    said = (EXAMPLE / "kustomization.yaml").read_text(encoding="utf-8")
    for name in set(re.findall(r"\$\{(\w+)\}", text)):
        assert f"--from-literal={name}=" in said
