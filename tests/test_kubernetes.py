"""The Kubernetes manifests: known fields only, safe pods, and names, ports and commands that fit each other."""

from __future__ import annotations

import argparse
import copy
import importlib
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from streams.config.load import load_text
from streams.runtime.cluster import security
from streams.runtime.cluster.topics import DEFAULT_PARTITIONS, REPLICATION, Names

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


# -- put together ----------------------------------------------------------------------------------------------------


def put_together(folder: Path) -> list[Object]:
    """An overlay, as `kubectl apply -k` would send it."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on PATH; it puts the manifests together")
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


@pytest.fixture(scope="module")
def rendered() -> list[Object]:
    """The example."""
    return put_together(EXAMPLE)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """The example with Kafka over TLS."""
    copied = tmp_path_factory.mktemp("guarded") / "kubernetes"
    shutil.copytree(FOLDER, copied)
    file = copied / "overlays" / "example" / "kustomization.yaml"
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    written["components"].append("../../components/kafka-sasl-ssl")
    file.write_text(yaml.safe_dump(written), encoding="utf-8")
    return put_together(file.parent)


def references(found: object) -> Iterator[tuple[str, str]]:
    """(kind, name) of every map and secret an object reads."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key in ("configMapRef", "configMap") and isinstance(value, dict):
                yield "ConfigMap", value["name"]
            elif key == "secretRef":
                yield "Secret", value["name"]
            else:
                yield from references(value)
    elif isinstance(found, list):
        for entry in found:
            yield from references(entry)


def test_the_example_is_whole(rendered: list[Object]) -> None:
    assert {name_of(found): faults(found) for found in rendered if faults(found)} == {}
    held = {(found["kind"], found["metadata"]["name"]) for found in rendered}
    assert {kind for kind, _ in held} == {found["kind"] for found in OBJECTS} - {"TriggerAuthentication"} | {
        "ConfigMap"
    }
    for kind, name in references(rendered):
        assert (kind, name) in held if kind == "ConfigMap" else name == "touchline-secrets"
    spaces = {found["metadata"].get("namespace") for found in rendered if found["kind"] != "Namespace"}
    assert spaces == {"touchline"}
    images = {container(found)["image"] for found in rendered if found["kind"] in ("StatefulSet", "Deployment", "Job")}
    assert images == {f"registry.example/touchline:{VERSION}"}


def test_put_together_selectors_choose_touchlines_pods_and_no_others(rendered: list[Object]) -> None:
    labels = {"app.kubernetes.io/name": "touchline", "app.kubernetes.io/part-of": "touchline"}
    for found in rendered:
        if found["kind"] in ("StatefulSet", "Deployment"):
            chosen = found["spec"]["selector"]["matchLabels"]
            assert chosen.items() <= found["spec"]["template"]["metadata"]["labels"].items()
            assert labels.items() <= chosen.items()
        elif found["kind"] == "NetworkPolicy":
            assert labels.items() <= found["spec"]["podSelector"]["matchLabels"].items()
    (worker,) = [found for found in rendered if found["kind"] == "StatefulSet"]
    assert "replicas" not in worker["spec"], "the autoscaler's count would be set back at each roll-out"


def test_with_tls_every_pod_and_the_autoscaler_know_whom_to_trust_and_who_they_are(guarded: list[Object]) -> None:
    assert {name_of(found): faults(found) for found in guarded if faults(found)} == {}
    (settings,) = [
        found["data"] for found in guarded if found["metadata"]["name"].startswith("touchline-addresses")
    ]  # fmt: skip
    assert "TOUCHLINE_KAFKA" in settings
    for found in guarded:
        if found["kind"] in ("StatefulSet", "Deployment", "Job"):
            mounts = {mount["name"]: mount["mountPath"] for mount in container(found)["volumeMounts"]}
            assert Path(settings["TOUCHLINE_KAFKA_CA_FILE"]).parent == Path(mounts["tls"])
            (volume,) = [volume for volume in pod(found)["volumes"] if volume["name"] == "tls"]
            assert volume["secret"]["secretName"] == "touchline-tls"
    names = {"USERNAME": "u", "PASSWORD": "p"} | {
        name.removeprefix("TOUCHLINE_KAFKA_"): text for name, text in settings.items()
    }
    del names["CA_FILE"]
    taken = security.of({f"TOUCHLINE_KAFKA_{name}": text for name, text in names.items()})
    assert taken.sasl
    assert taken.tls
    (trigger,) = next(found for found in guarded if found["kind"] == "ScaledObject")["spec"]["triggers"]
    (login,) = [found for found in guarded if found["kind"] == "TriggerAuthentication"]
    assert trigger["authenticationRef"]["name"] == login["metadata"]["name"]
    assert {entry["key"] for entry in login["spec"]["secretTargetRef"]} == {
        "TOUCHLINE_KAFKA_USERNAME", "TOUCHLINE_KAFKA_PASSWORD", "ca.crt",
    }  # fmt: skip
