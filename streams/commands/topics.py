"""`touchline topics`: create the cluster's topics, or say everything that is wrong with those that exist."""

from __future__ import annotations

import argparse
import asyncio
import sys

from streams.config.load import load_file
from streams.errors import UsageError
from streams.runtime.cluster import topics

HELP = "Create the cluster's Kafka topics, check the ones that exist."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("-c", "--config", required=True, metavar="FILE", help="the YAML file")
    parser.add_argument("--kafka", required=True, metavar="HOST:PORT", help="bootstrap address; several with commas")
    parser.add_argument("--name", default="touchline", help="prefix of the topics (default %(default)s)")
    parser.add_argument(
        "--partitions",
        type=int,
        default=topics.DEFAULT_PARTITIONS,
        metavar="N",
        help="partitions of the events, fixed for good at their creation (default %(default)s)",
    )
    parser.add_argument(
        "--replication",
        type=int,
        default=topics.REPLICATION,
        metavar="N",
        help="brokers that keep each record (default %(default)s); 1 only where losing data is acceptable",
    )


def run(args: argparse.Namespace) -> int:
    """Exit code 1 when an existing topic has faults."""
    if args.partitions < 1 or args.replication < 1:
        raise UsageError("--partitions and --replication: expected at least 1")
    load_file(args.config)
    created, faults = asyncio.run(
        topics.ensure(args.kafka, topics.Names(args.name), partitions=args.partitions, replication=args.replication)
    )
    for name in created:
        sys.stdout.write(f"created {name}\n")
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    if not created and not faults:
        sys.stdout.write("all topics are as they should be\n")
    return 1 if faults else 0
