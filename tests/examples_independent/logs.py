"""The real files as plain events: `csv` and `datetime` only."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.examples_independent.funnel import Touch

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line of the file and cells by column."""
    with path.open("rb") as plain, gzip.open(plain) if path.suffix == ".gz" else plain as unpacked:
        reader = csv.DictReader(io.TextIOWrapper(unpacked, encoding="utf-8", newline=""))
        for row in reader:
            yield reader.line_num, row


def microseconds(text: str) -> int:
    """ISO 8601, UTC where it says no offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


LOAN_TYPES = {
    "A_SUBMITTED": "application.submitted",
    "A_PREACCEPTED": "application.preaccepted",
    "A_ACCEPTED": "application.accepted",
    "A_APPROVED": "application.approved",
    "A_ACTIVATED": "loan.activated",
    "A_DECLINED": "application.declined",
    "A_CANCELLED": "application.cancelled",
    "O_SENT": "offer.sent",
    "O_SENT_BACK": "offer.returned",
}


def loan(path: Path) -> Iterator[Touch]:
    """Loan applications: the completed activities that have a type; the others are no events."""
    for _, row in rows(path):
        if row["lifecycle"] == "COMPLETE" and row["activity"] in LOAN_TYPES:
            yield Touch(
                microseconds(row["timestamp"]),
                int(row["seq_in_case"]),
                f"{row['case_id']}:{row['seq_in_case']}",
                LOAN_TYPES[row["activity"]],
                row["case_id"],
                {"amount": float(row["case:AMOUNT_REQ"])},
            )


CLICK_TYPES = {"view": "product.viewed", "cart": "cart.updated", "purchase": "order.completed"}


def clicks(path: Path) -> Iterator[Touch]:
    """Shop clicks; a row that is there twice is one event."""
    for line, row in rows(path):
        time = microseconds(row["event_time"].removesuffix(" UTC") + "+00:00")
        data = {"amount": float(row["price"])}
        yield Touch(time, line, "\x1f".join(row.values()), CLICK_TYPES[row["event_type"]], row["user_id"], data)


TICKET_TYPES = {
    "Assign seriousness": "ticket.received",
    "Take in charge ticket": "ticket.taken",
    "Require upgrade": "ticket.escalated",
    "Wait": "ticket.waiting",
    "Resolve ticket": "ticket.resolved",
    "Closed": "ticket.closed",
}


def tickets(path: Path) -> Iterator[Touch]:
    """Help-desk tickets of customers; the same activity of a ticket by the same person at the same time is one."""
    for line, row in rows(path):
        if row["activity"] in TICKET_TYPES:
            name = "\x1f".join(row[column] for column in ("case_id", "timestamp", "activity", "resource"))
            kind = TICKET_TYPES[row["activity"]]
            yield Touch(microseconds(row["timestamp"]), line, name, kind, row["customer"], {"ticket": row["case_id"]})


def ratings(path: Path) -> Iterator[Touch]:
    """Ratings of vendors, in the file's order."""
    for line, row in rows(path):
        data: dict[str, Any] = {"score": float(row["rating"]), "vendor": row["vendor_id"]}
        yield Touch(microseconds(row["ts"]), line, row["src_row"], "survey.answered", row["user_id"], data)


def nps(path: Path) -> Iterator[Touch]:
    """Answers of the store survey, one a minute; some without a score."""
    start = microseconds("2017-01-01T00:00:00Z")
    for index, (line, row) in enumerate(rows(path)):
        data = {"score": float(row["nps"])} if row["nps"] else {}
        yield Touch(
            start + index * 60_000_000, line, row["respondent_id"], "survey.answered", row["respondent_id"], data
        )
