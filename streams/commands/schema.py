"""`touchline schema`: the file's JSON Schema for editors, or its reference page."""

from __future__ import annotations

import argparse
import sys

from streams.config.reference import reference
from streams.config.schema import schema_text

HELP = "Print the JSON Schema of the file, so that editors complete it."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--markdown", action="store_true", help="print the reference page of the file instead")


def run(args: argparse.Namespace) -> int:
    """Write it to standard output."""
    sys.stdout.write(reference() if args.markdown else schema_text())
    return 0
