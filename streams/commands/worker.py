"""`touchline worker`: one worker of the cluster; start as many as there is work for, they share the partitions."""

from __future__ import annotations

import argparse
import sys

from streams.config.load import load_file
from streams.errors import UsageError
from streams.runtime import baselines, logs
from streams.runtime.cluster import worker
from streams.runtime.cluster.journey_service import Settings
from streams.runtime.collection import rare_collection
from streams.runtime.sinks import check_receivers

HELP = "A worker of the cluster, on Kafka and Redis (Faust)."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("-c", "--config", required=True, metavar="FILE", help="the YAML file")
    parser.add_argument("--kafka", required=True, metavar="HOST:PORT", help="bootstrap address; several with commas")
    parser.add_argument(
        "--redis", required=True, metavar="URL", help="the store: redis://HOST:PORT/DB or redis+cluster://HOST:PORT"
    )
    parser.add_argument(
        "--name", default="touchline", help="prefix of topics and consumer groups (default %(default)s)"
    )
    parser.add_argument(
        "--instance", metavar="NAME", help="a name that outlives restarts of this worker: no rebalance within a session"
    )
    parser.add_argument(
        "--session", type=int, default=20, metavar="SECONDS",
        help="silence after which the others take this worker's partitions over (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=int, default=4000, metavar="N", help="events per commit, at most (default %(default)s)"
    )
    parser.add_argument(
        "--cache", type=int, default=200_000, metavar="N",
        help="customers held in memory for each partition, about 1.2 KiB each (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        help="serve /status, /deliveries, /metrics, /livez and /readyz there (default: nothing)",
    )
    baselines.option(parser)
    parser.add_argument(
        "--log-level", default="info", choices=logs.LEVELS, help="least level shown (default %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Returns once the worker was told to stop."""
    logs.configure(args.log_level)
    loaded = load_file(args.config)
    for warning in loaded.warnings:
        sys.stderr.write(f"{warning.at(args.config)}\n")
    check_receivers(loaded)
    if args.batch < 1:
        raise UsageError("--batch: expected at least 1")
    if args.cache < 1:
        raise UsageError("--cache: expected at least 1")
    if not 2 <= args.session <= 600:
        raise UsageError("--session: expected 2 to 600 seconds")
    learnt = baselines.read(args.learnt, loaded)
    settings = Settings(
        kafka=args.kafka,
        redis=args.redis,
        name=args.name,
        instance=args.instance,
        batch=args.batch,
        keep=args.cache,
        session_s=args.session,
    )
    with rare_collection():
        return worker.run(loaded, settings, web=_address(args.listen), learnt=learnt)


def _address(listen: str | None) -> tuple[str, int] | None:
    if listen is None:
        return None
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"--listen {listen}: expected HOST:PORT, such as 127.0.0.1:6066")
    return host, int(port)
