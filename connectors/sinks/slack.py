"""Incoming webhooks of Slack, and of what takes the same: Mattermost, Rocket.Chat, Discord's `/slack` address.

`slack:https://hooks.slack.com/services/…`. Alerts of one incident that come together are one message.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from connectors import prose
from connectors.poster import Poster
from connectors.sinks.contract import Opening, Receiving
from streams.delivery.message import Batch, Message
from streams.delivery.outcome import Outcome
from streams.delivery.receivers import Abilities

_MOST = 10
_CUT = re.compile("&[a-z]*$")
_DIGEST, _LINE = 200, 300
"""Lines of a digest, and letters of a line."""
_FIELD, _TEXT = 2000, 3000
"""Slack's limits on letters; a block beyond them is refused whole."""


class Sink(Receiving):
    """Posts a message with a heading, fields and, for alerts, links to the console and the runbook."""

    abilities = Abilities(groups=True, most=_MOST, digest=_DIGEST)

    def __init__(self, opening: Opening) -> None:
        self._poster = Poster(opening.address, allow_private=opening.allow_private)
        self._console = opening.console

    async def send(self, batch: Batch) -> Outcome:
        made = digest_of(batch.messages) if batch.digest else body_of(batch.messages, self._console)
        body = msgspec.json.encode(made)
        return await self._poster.post(body, {"Content-Type": "application/json"}, batch.at)

    async def close(self) -> None:
        await self._poster.close()


def body_of(messages: tuple[Message, ...], console: str = "") -> dict[str, Any]:
    """The request: `text` for notifications and for those who show no blocks, `blocks` for the rest.

    `console` is where people open it; an alert links to its page there.
    """
    blocks: list[dict[str, Any]] = []
    for number, message in enumerate(messages):
        if number:
            blocks.append({"type": "divider"})
        blocks.append(_section(f"*{_escaped(prose.headline(message))}*"))
        fields = [
            {"type": "mrkdwn", "text": f"*{name}*\n{_escaped(text)}"[:_FIELD]}
            for name, text in prose.facts(message)
            if name != "runbook"
        ]
        if fields:
            blocks.append({"type": "section", "fields": fields[:10]})
        links = [(prose.page(message, console), "Console"), (message.text("runbook"), "Runbook")]
        shown = [f"<{_escaped(to)}|{name}>" for to, name in links if to.startswith(("http://", "https://"))]
        if shown:
            blocks.append(_section(" · ".join(shown)))
        blocks.append(
            {"type": "context", "elements": [{"type": "mrkdwn", "text": f"{_escaped(message.kind)} {message.id}"}]}
        )
    return {"text": _escaped(prose.together(messages)), "blocks": blocks}


def digest_of(messages: tuple[Message, ...]) -> dict[str, Any]:
    """The request of a digest: a line per decision, in the order in which they came."""
    heading = prose.collected(messages)
    blocks, lines = [_section(f"*{heading}*")], list[str]()
    for message in messages:
        line = f"• {message.time} {_line(prose.headline(message))}"
        if lines and sum(map(len, lines)) + len(lines) + len(line) > _TEXT:
            blocks.append(_section("\n".join(lines)))
            lines = []
        lines.append(line)
    return {"text": heading, "blocks": [*blocks, _section("\n".join(lines))]}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:_TEXT]}}


def _line(text: str) -> str:
    """One short line; an escape that the cut went through is left out."""
    return _CUT.sub("", _escaped(" ".join(text.split()))[:_LINE])


def _escaped(text: str) -> str:
    """What came from outside must not become a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
