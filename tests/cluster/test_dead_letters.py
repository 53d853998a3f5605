"""Dead letters of a cluster: listed, shown, sent through again; and a flood of them stops the partition."""

from __future__ import annotations

import subprocess
import sys

import pytest

from streams.codec import encode
from streams.model import Event
from streams.units import format_time
from tests.cluster.conftest import Install
from tests.cluster.installation import ROOT, Installation
from tests.cluster.parity import DEMO, OPENS, SECOND

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(300)]
BROKEN = b'{"specversion":"1.0","id":"x-%d","source":"survey","type":""}'
FLOOD = 1500


def dlq(made: Installation, *words: str) -> subprocess.CompletedProcess[str]:
    """`touchline dlq`."""
    options = ["--kafka", made.kafka, "--name", made.names.name]
    return subprocess.run(
        [sys.executable, "-m", "streams", "dlq", *words, *options],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=60,
    )  # fmt: skip


def identified(customer: str, second: int) -> Event:
    """A customer the shop knows by name."""
    return Event(
        id=f"known-{customer}", source="shop", type="customer.identified", subject=customer,
        time=format_time(OPENS + second * SECOND), data={},
    )  # fmt: skip


async def test_dead_letters_are_read_from_the_topic_and_sent_through_again(install: Install) -> None:
    async with install(DEMO, 1) as made:
        assert dlq(made, "list").stdout == "no dead letters\n"
        merged = Event(
            id="m-1", source="shop", type="customer.merged", subject="anna", data={"into": "bert"},
            time=format_time(OPENS + 20 * SECOND),
        )  # fmt: skip
        await made.send([identified("anna", 0), identified("bert", 1), merged])
        await made.send_raw(0, BROKEN % 0)
        worker = made.worker("--batch", "100")
        await made.advance(OPENS + 60 * SECOND)
        await worker.until(made.done, "all to be processed")
        listed = dlq(made, "list").stdout.splitlines()
        assert {line.split()[4] for line in listed[1:]} == {"no_type", "merge_both_identified"}
        number = next(line.split()[0] for line in listed if "merge_both_identified" in line)
        shown = dlq(made, "show", number).stdout
        assert "offset    2" in shown
        assert shown.rstrip().endswith(encode(merged).decode())
        missing = dlq(made, "show", "99")
        assert missing.returncode == 1
        assert "no dead letter 99" in missing.stderr
        again = dlq(made, "redrive", "--reason", "merge_both_identified")
        assert again.stdout == f"{number}: in the log again at offset 5 of partition 0\n"
        await made.advance(OPENS + 120 * SECOND)
        await worker.until(made.done, "it to be read again")
        assert dlq(made, "list", "--reason", "merge_both_identified").stdout.count("\n") == 3

        await made.send_raw(0, *[BROKEN % at for at in range(FLOOD)])

        async def braked() -> bool:
            return "brake: the last 1000 records were all invalid" in worker.log

        await worker.until(braked, "the brake")
        read = (await made.heads())["events:0"].read
        assert 1000 <= read < FLOOD
        assert worker.stop() == 0
