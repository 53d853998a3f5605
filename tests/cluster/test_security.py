"""What the environment says about security reaches Kafka's and Faust's clients; what does not go together is named."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from streams.errors import CannotStart
from streams.runtime.cluster import security
from streams.runtime.cluster.credentials import credentials
from streams.runtime.cluster.security import KafkaSecurity
from tests.cluster.installation import ROOT


def test_without_a_word_connections_are_plain() -> None:
    found = security.of({"PATH": "/bin"})
    assert found == KafkaSecurity()
    assert found.options() == {"security_protocol": "PLAINTEXT"}
    assert credentials(found) is None
    assert security.redis("redis://h:1/0", {}) == {}


def test_a_name_and_a_password_reach_both_clients(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("pass word\n")
    found = security.of(
        {
            "TOUCHLINE_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "TOUCHLINE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "TOUCHLINE_KAFKA_USERNAME": "touchline",
            "TOUCHLINE_KAFKA_PASSWORD_FILE": str(secret),
        }
    )
    assert found.options() == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "touchline",
        "sasl_plain_password": "pass word",
    }
    made = credentials(found)
    assert made is not None
    assert (made.protocol.value, made.mechanism.value) == ("SASL_PLAINTEXT", "SCRAM-SHA-512")  # type: ignore[union-attr]  # SASL ones have it


def test_host_names_are_checked_with_tls() -> None:
    context = security.of({"TOUCHLINE_KAFKA_SECURITY_PROTOCOL": "SSL"}).context()
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"SECURITY_PROTOCOL": "TLS"}, "expected one of PLAINTEXT, SSL"),
        ({"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "OAUTH"}, "expected one of PLAIN"),
        ({"SECURITY_PROTOCOL": "SASL_SSL", "USERNAME": "u"}, "PASSWORD are needed"),
        ({"USERNAME": "u", "PASSWORD": "p"}, "sends neither"),
        ({"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "USERNAME": "u", "PASSWORD": "p", "CA_FILE": __file__}, "uses none"),
        ({"SECURITY_PROTOCOL": "SSL", "CA_FILE": "/nowhere.pem"}, "there is no file /nowhere.pem"),
        ({"SECURITY_PROTOCOL": "SSL", "KEY_FILE": __file__}, "without TOUCHLINE_KAFKA_CERT_FILE"),
        ({"SECURITY_PROTOCOL": "SASL_SSL", "USERNAME": "u", "PASSWORD_FILE": "/nowhere"}, "cannot be read"),
    ],
)
def test_what_does_not_go_together_is_named(environ: dict[str, str], words: str) -> None:
    with pytest.raises(CannotStart, match=words):
        security.of({f"TOUCHLINE_KAFKA_{name}": value for name, value in environ.items()})


def test_a_file_that_is_no_certificate_is_named() -> None:
    found = security.of({"TOUCHLINE_KAFKA_SECURITY_PROTOCOL": "SSL", "TOUCHLINE_KAFKA_CA_FILE": __file__})
    with pytest.raises(CannotStart, match="cannot be used"):
        found.context()


def test_a_certificate_for_a_plain_redis_is_refused() -> None:
    with pytest.raises(CannotStart, match="rediss://"):
        security.redis("redis://h:1/0", {"TOUCHLINE_REDIS_CA_FILE": __file__})


def test_the_page_about_clusters_names_every_variable() -> None:
    page = (ROOT / "docs" / "how-to" / "cluster.md").read_text(encoding="utf-8")
    table = [line for line in (security.__doc__ or "").splitlines() if line.startswith("| `")]
    assert table
    for line in table:
        assert line in page
