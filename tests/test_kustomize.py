"""The Kubernetes manifests put together by kustomize, as they would be sent; kubectl does it, and is needed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from streams.runtime.cluster import security
from tests.manifests import EXAMPLE, FOLDER, OBJECTS, VERSION, Object, container, faults, name_of, pod


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
