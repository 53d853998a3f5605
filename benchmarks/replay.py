"""Whole-process speed of `touchline replay`: a real log and simulated shop traffic.

    python -m benchmarks.replay [--events 5000000] [--log FILE.csv.gz --config examples/loan.yml]

The simulated events are written to a temporary NDJSON file first; writing them is not timed. The rates are read events
per second of wall time of the whole process, start-up included.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.result import write
from connectors.synthetic.traffic import Traffic
from streams.codec import encode

ROOT = Path(__file__).parent.parent
START = 1_767_225_600_000_000
DAY = 86_400_000_000


def simulated(path: Path, count: int, rate: float) -> None:
    """Write `count` events of one simulated shop at `rate` a second."""
    traffic = Traffic(7, rate=rate, opens=START, disorder=True)
    with path.open("wb", buffering=1 << 20) as file:
        for event in islice(traffic.events(START, START + 400 * DAY), count):
            file.write(encode(event) + b"\n")


def replay(config: Path, events: Path) -> dict[str, Any]:
    """One run of the command as a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        summary = Path(folder) / "summary.json"
        command = [sys.executable, "-m", "streams", "replay", "-q", "-c", str(config), str(events)]
        begun = time.perf_counter()
        subprocess.run([*command, "--summary", str(summary)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begun
        totals = json.loads(summary.read_text())
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "events_read": totals["events"]["read"],
        "seconds": round(seconds, 1),
        "events_per_second": round(totals["events"]["read"] / seconds),
        "peak_mebibytes": round(children.ru_maxrss / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--rate", type=float, default=200.0, help="simulated events per second of virtual time")
    parser.add_argument("--log", type=Path, default=ROOT.parent / "shared/data/journey_bpic2012_loan.csv.gz")
    parser.add_argument("--config", type=Path, default=ROOT / "examples/loan.yml")
    args = parser.parse_args()
    figures: dict[str, Any] = {}
    if args.log.exists():
        figures["loan_log"] = replay(args.config, args.log)
        print("loan log", figures["loan_log"])  # noqa: T201  # the benchmark's report
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shop.ndjson"
        simulated(file, args.events, args.rate)
        figures["simulated"] = replay(ROOT / "examples/demo.yml", file)
    print("simulated", figures["simulated"])  # noqa: T201  # the benchmark's report
    write("replay", figures)


if __name__ == "__main__":
    main()
