"""Where the file says where the console is, every message about an alert leads to the alert's own page."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors import prose
from connectors.sinks import email, slack
from connectors.sinks.alertmanager import alerts_of
from connectors.sinks.contract import abilities_of
from connectors.sinks.grafana import annotation_of
from connectors.sinks.pagerduty import event_of
from connectors.sinks.webhook import Sink, body_of
from streams.config.load import load_text
from streams.delivery.message import Batch
from streams.delivery.receivers import receivers_of
from streams.runtime.sinks import make_sink
from tests.connectors.peers import http
from tests.streams.delivery.messages import TIME, alert, decision

CONSOLE = "https://touchline.example/cx/"
PAGE = "https://touchline.example/cx/#alarm/f-1%2F2"
ALERT = alert(fingerprint="f-1/2")
FILE = """
version: 1
access: {url: "%s"}
journeys:
  purchase:
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 30m}
subscriptions:
  - {name: ops, match: {journey: purchase}, to: "webhook:%s", allow_private: true}
"""


def bodies(console: str) -> dict[str, Any]:
    """What each kind would send about the alert."""
    batch = Batch((ALERT,), TIME)
    return {
        "alertmanager": alerts_of(ALERT, TIME, console)[0].get("generatorURL"),
        "email": email.mail_of(batch, "touchline@example.com", ("ops@example.com",), console).get_content(),
        "grafana": annotation_of(ALERT, console)["text"],
        "pagerduty": event_of(ALERT, "k" * 32, console),
        "slack": slack.body_of((ALERT,), console),
        "webhook": msgspec.json.decode(body_of(ALERT, console)),
    }


@pytest.mark.parametrize("kind", sorted(bodies("")))
def test_every_kind_that_writes_to_people_links_to_the_page(kind: str) -> None:
    assert PAGE in msgspec.json.encode(bodies(CONSOLE)[kind]).decode()
    assert "#alarm" not in msgspec.json.encode(bodies("")[kind]).decode()


def test_the_link_stands_where_each_product_looks_for_it() -> None:
    made = bodies(CONSOLE)
    assert made["webhook"]["link"] == PAGE
    assert made["alertmanager"] == PAGE
    assert made["pagerduty"]["client_url"] == PAGE
    assert [one["text"] for one in made["pagerduty"]["links"]] == ["Console", "Runbook"]
    assert f"<{PAGE}|Console> · <https://wiki.example/purchase|Runbook>" in msgspec.json.encode(made["slack"]).decode()


def test_what_is_no_alert_has_no_page() -> None:
    assert prose.page(decision("case.breached", case="c-1"), CONSOLE) == ""
    assert prose.page(decision("signal.breached", signal="csat"), CONSOLE) == ""


async def test_the_address_comes_from_the_file() -> None:
    async with http() as peer:
        config = load_text(FILE % (CONSOLE, f"{peer.url}/hook"), "shop.yml").config
        (receiver,) = receivers_of(config, abilities_of).values()
        sink = make_sink(receiver)
        assert isinstance(sink, Sink)
        await sink.send(Batch((ALERT,), TIME))
        await sink.close()
        ((_, _, _, body),) = peer.requests
    assert msgspec.json.decode(body)["link"] == PAGE
