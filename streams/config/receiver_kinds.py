"""The kinds of receivers that a file may name: the files in `connectors/sinks`, found by their names alone."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib.util import find_spec

_FOLDER = "connectors.sinks"
_CONTRACT = "contract"


@cache
def receiver_kinds() -> tuple[str, ...]:
    """In alphabetical order. Nothing of them is imported: the file is read before anything is opened."""
    folder = find_spec(_FOLDER)
    places = [] if folder is None else folder.submodule_search_locations
    return tuple(sorted(module.name for module in pkgutil.iter_modules(places) if module.name != _CONTRACT))
