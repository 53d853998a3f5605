"""The options by which a command is told that a cluster is meant, and which; without them a data file is."""

from __future__ import annotations

import argparse

import msgspec

from streams.errors import UsageError


class Where(msgspec.Struct, frozen=True):
    """A cluster."""

    kafka: str
    """Bootstrap address."""
    redis: str
    """redis://HOST:PORT/DB or redis+cluster://HOST:PORT"""
    name: str
    """Prefix of its topics."""


def options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("--kafka", metavar="HOST:PORT", help="of a cluster: its Kafka; with --redis")
    parser.add_argument("--redis", metavar="URL", help="of a cluster: its store, redis://HOST:PORT/DB; with --kafka")
    parser.add_argument("--name", default="touchline", help="of a cluster: prefix of its topics (default %(default)s)")


def chosen(args: argparse.Namespace) -> Where | None:
    """The cluster meant; None where a data file is. Raises UsageError."""
    if args.kafka is None and args.redis is None:
        return None
    if args.kafka is None or args.redis is None:
        raise UsageError("a cluster takes both --kafka HOST:PORT and --redis URL")
    return Where(args.kafka, args.redis, args.name)
