"""Where panels stand: lines of 24 columns under the titles of their sections."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import GridPos, Panel, RowPanel

COLUMNS = 24


class Section(msgspec.Struct, frozen=True):
    """A titled part of a board; `folded` ones open on a click."""

    title: str
    panels: Sequence[Builder[Panel]]
    folded: bool = False


def lay(sections: Sequence[Section]) -> list[Panel | RowPanel]:
    """Rows and panels with their places and ids. Raises ValueError where a line is not filled exactly."""
    laid: list[Panel | RowPanel] = []
    number, y = 0, 0
    for section in sections:
        number += 1
        row = RowPanel(title=section.title, id_val=number, collapsed=section.folded, grid_pos=_place(0, y, COLUMNS, 1))
        laid.append(row)
        y += 1
        x = height = 0
        for builder in section.panels:
            number += 1
            panel = builder.build()
            size = panel.grid_pos
            assert size is not None, f"{panel.title}: no size"
            if x + size.w > COLUMNS or (height and size.h != height):
                raise ValueError(f"{section.title} / {panel.title}: the line is not filled, or not of one height")
            panel.id_val, panel.grid_pos, height = number, _place(x, y, size.w, size.h), size.h
            (row.panels if section.folded else laid).append(panel)
            x += size.w
            if x == COLUMNS:
                x, y, height = 0, y + size.h, 0
        if x:
            raise ValueError(f"{section.title}: its last line is {x} of {COLUMNS} columns wide")
        if section.folded:  # what follows moves down when somebody opens it
            assert row.grid_pos is not None
            y = row.grid_pos.y + 1
    return laid


def _place(x: int, y: int, width: int, height: int) -> GridPos:
    return GridPos(x=x, y=y, w=width, h=height)
