"""Mails, handed to a mail server of the test."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from connectors.sinks.contract import NotEquipped
from connectors.sinks.email import Server, Sink, mail_of, read_server
from streams.delivery.message import Batch
from streams.delivery.outcome import Delivered, Retry
from tests.connectors.peers import Smtp, batch, opening, smtp
from tests.streams.delivery.messages import TIME, alert, decision

FROM = "touchline@example.com"


def sink(peer: Smtp, to: str = "ops@example.com", server: str = "smtp://127.0.0.1:{port}") -> Sink:
    url = server.format(port=peer.port)
    return Sink(opening(to, TOUCHLINE_SMTP_URL=url, TOUCHLINE_SMTP_FROM=FROM))


async def test_an_alert_arrives_as_a_mail_people_can_read() -> None:
    async with smtp() as peer:
        mails = sink(peer, "ops@example.com, boss@example.com")
        assert await mails.send(batch(alert())) == Delivered()
        await mails.close()
        ((sender, to, body),) = peer.mails
    assert sender == f"<{FROM}>"
    assert to == ["<ops@example.com>", "<boss@example.com>"]
    mail = message_from_bytes(body, EmailMessage, policy=policy.default)
    assert mail["Subject"] == "WARNING purchase: fewer than expected go from checkout to paid, fires"
    assert mail["Date"] == "Sat, 07 Mar 2026 07:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert "who:          everywhere" in text
    assert "runbook:      https://wiki.example/purchase" in text


def test_the_same_decision_has_the_same_message_id_and_an_incident_is_a_thread() -> None:
    first, second = (mail_of(batch(alert(), at=at), FROM, ("ops@example.com",)) for at in (0, 10**15))
    assert first["Message-ID"] == second["Message-ID"]
    resolved = mail_of(batch(alert("resolved")), FROM, ("ops@example.com",))
    assert resolved["Message-ID"] != first["Message-ID"]
    assert resolved["References"] == first["References"] == "<i-1@touchline>"


def test_alerts_that_come_together_are_one_mail() -> None:
    mail = mail_of(
        batch(alert(), alert(fingerprint="f-2", step="cart", next_step="checkout")), FROM, ("o@example.com",)
    )
    assert mail["Subject"].endswith("(and 1 more of the same incident)")
    assert mail.get_content().count("runbook:") == 2


def test_a_digest_begins_with_a_line_per_decision_and_belongs_to_no_thread() -> None:
    messages = (alert(), decision("case.warned", "c-9", case="k-1", due_at="2026-03-08T07:00:00.000Z"))
    mail = mail_of(Batch(messages, TIME, digest=True), FROM, ("ops@example.com",))
    assert mail["Subject"] == "Digest: 2 decisions"
    assert mail["References"] is None
    first, *details = mail.get_content().split("\n\n----\n\n")
    assert [line.split()[0] for line in first.splitlines()] == ["2026-03-07T07:00:00.000Z"] * 2
    assert len(details) == 2
    assert "2026-03-08T07:00:00.000Z" in details[1]


def test_what_came_from_outside_cannot_add_a_header() -> None:
    mail = mail_of(batch(decision("offer.made", "c-1\r\nBcc: all@example.com", offer="tea")), FROM, ("o@example.com",))
    assert mail["Bcc"] is None
    assert "Bcc" not in mail.as_string().partition("\n\n")[0].replace(mail["Subject"], "")


@pytest.mark.parametrize(
    ("command", "answer", "reason"),
    [
        ("MAIL", "451 later", "the mail server answers 451"),
        ("RCPT", "550 no such user S3CRET", "the mail server answers 550"),
        ("DATA", "554 spam", "the mail server answers 554"),
    ],
)
async def test_a_server_that_refuses_is_asked_again(command: str, answer: str, reason: str) -> None:
    async with smtp() as peer:
        peer.answers[command] = answer
        mails = sink(peer)
        assert await mails.send(batch(alert())) == Retry(reason)
        await mails.close()


async def test_a_mail_that_one_of_two_gets_is_not_repeated_for_them() -> None:
    async with smtp() as peer:
        peer.answers["rcpt to:<gone@example.com>"] = "550 no such user"
        mails = sink(peer, "gone@example.com,ops@example.com")
        assert await mails.send(batch(alert())) == Delivered()
        await mails.close()
        assert [to for _, to, _ in peer.mails] == [["<ops@example.com>"]]


async def test_a_password_is_never_sent_without_encryption() -> None:
    async with smtp() as peer:
        peer.offers = ["AUTH PLAIN LOGIN"]
        mails = sink(peer, server="smtp://user:S3CRET@127.0.0.1:{port}")
        assert await mails.send(batch(alert())) == Retry("the mail server offers no STARTTLS")
        await mails.close()
        assert not any(command.upper().startswith("AUTH") for command in peer.commands)
        assert peer.mails == []


async def test_starttls_is_used_where_it_is_offered() -> None:
    async with smtp() as peer:
        peer.offers, peer.answers["STARTTLS"] = ["STARTTLS"], "454 not now"
        mails = sink(peer)
        assert isinstance(await mails.send(batch(alert())), Retry)
        await mails.close()
        assert "STARTTLS" in [command.upper() for command in peer.commands]
        assert peer.mails == []


async def test_a_server_that_is_not_there_is_a_reason_without_its_address() -> None:
    async with smtp() as peer:
        gone = peer
    mails = sink(gone)
    assert await mails.send(batch(alert())) == Retry("the mail server cannot be reached (ConnectionRefusedError)")
    await mails.close()


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", Server("mail.example", 587, False, False, None, None)),
        ("smtps://mail.example", Server("mail.example", 465, True, False, None, None)),
        ("smtp://u%40x:p%3A@mail.example:2525", Server("mail.example", 2525, False, True, "u@x", "p:")),
        ("smtp://mail.example?starttls=required", Server("mail.example", 587, False, True, None, None)),
    ],
)
def test_the_server_is_a_url(url: str, server: Server) -> None:
    assert read_server(url) == server


def test_a_server_that_is_no_url_is_told_by_the_name_of_its_variable() -> None:
    variables: dict[str, Any] = {"TOUCHLINE_SMTP_URL": "mail.example:25/S3CRET", "TOUCHLINE_SMTP_FROM": FROM}
    with pytest.raises(NotEquipped, match="TOUCHLINE_SMTP_URL") as told:
        Sink(opening("ops@example.com", **variables))
    assert "S3CRET" not in str(told.value)
