"""`touchline grafana push|check`: the shipped boards into a Grafana that is there already, or compared with it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import msgspec

from streams.config.secrets import Variables
from streams.errors import UsageError
from streams.runtime.grafana import FOLDER, Board, Grafana, addressed

HELP = "Bring the boards into a Grafana, or compare what it serves with them."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="push|check")
    for name, says in (
        ("push", "make the folder and the boards what they should be; equal ones are left alone"),
        ("check", "say what differs from what push would leave; exit code 1 if anything does"),
    ):
        verb = verbs.add_parser(name, help=says)
        verb.add_argument("--url", metavar="URL", help="address of Grafana (default: GRAFANA_URL)")
        verb.add_argument("--folder", default=FOLDER, metavar="UID", help="folder of the boards (default %(default)s)")
        verb.add_argument("--docs", metavar="URL", help="where these docs are served; runbooks become links to them")
        verb.add_argument("--console", metavar="URL", help="where the console is, for the link at the top of boards")


def run(args: argparse.Namespace) -> int:
    """The token comes from GRAFANA_TOKEN, or from the file that GRAFANA_TOKEN_FILE names; never from the command."""
    variables = Variables(os.environ, lambda path: Path(path).read_text(encoding="utf-8"))
    try:
        token = variables.value("GRAFANA_TOKEN")
        url = args.url or variables.value("GRAFANA_URL")
    except LookupError as missing:
        raise UsageError(f"touchline grafana: {missing.args[0]}") from None
    boards = [addressed(board, args.docs, args.console) for board in shipped()]
    with Grafana(url, token) as grafana:
        if args.verb == "push":
            for pushed in grafana.push(boards, args.folder):
                sys.stdout.write(f"{pushed.what:<10}{pushed.uid}  {pushed.title}\n")
            return 0
        faults = list(grafana.check(boards, args.folder))
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    if not faults:
        sys.stdout.write(f"all {len(boards)} boards are as they should be\n")
    return 1 if faults else 0


def shipped() -> list[Board]:
    """The boards: beside this module in an installed package, in grafana/ in the repository."""
    packaged = Path(__file__).with_name("boards")
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "grafana" / "dashboards"
    return [msgspec.json.decode(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
