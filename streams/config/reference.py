"""The reference page of the file, made from the Structs: `docs/reference/file.md`."""

from __future__ import annotations

from typing import Any

import msgspec

from streams import units
from streams.config.blocks import Block, BlockForm, block_form
from streams.config.expect import QUANTITIES
from streams.config.field_docs import block_doc, field_docs
from streams.config.forms import Form
from streams.config.schema import blocks
from streams.config.structs import Config

_TOP = """# The file

Everything Touchline does is said in one YAML file. `touchline check -c FILE` lists every fault with its line,
`touchline schema` prints the JSON Schema with which editors complete it. This page is made from the code
(`touchline schema --markdown`).

**Grammar.** Duration: a number and a unit, once or more, units `ms s m h d w` (`90s`, `1h30m`, `0s`). Rate:
`N per hour|day|week|month` (a month is 30 days). Count in a window: `3 within 10m`. Time of day: quoted, `"HH:MM"`.
Comparison: `"<= 360"` with `< <= > >= == !=`, `%` for ratios (`"80%"` is 0.8). Names: `[a-z][a-z0-9_]*`, at most 48
characters. `true` and `false` are the only truths; `on`, `off`, `yes` and `no` are words.

**Conditions** (`where`): keys are paths into the event's `data` (dots descend; a key with that very name goes first;
`trait.X` reads the customer). All must hold. A plain value means equal (text never equals a number), a list one of, an
object all of `gt gte lt lte ne in not_in exists contains`. A field that is missing, or null, matches only
`exists: false`. There is no *or*: write two rules.

**Secrets.** `${NAME}` is replaced from the environment, or from the file that `NAME_FILE` names, only in `to`,
`secret`, `token` and `url`. A missing one is a fault. The values appear in no output.

**Additions.** What was in the format from its first day keeps its name and meaning. Added since, and free to leave out:
`routing`, `clusters`, `cases.NAME.exposure`, `subscriptions.digest`, `subscriptions.allow_private`, `asks.secret` and
`asks.allow_private`. A release that does not know them yet refuses a file that has them.
"""


def reference() -> str:
    """The page as Markdown."""
    parts = [_TOP]
    for block in blocks():
        title = "Top level" if block is Config else block.__name__
        parts.append(f"## {title}\n\n{block_doc(block)}\n")
        form = block_form(block)
        if block.shorthand:
            parts.append(f"Short form: {form.forms[block.shorthand].says}.\n")
        parts.append(_table(block, form))
    parts.append(_expect())
    return "\n".join(parts)


def _table(block: type[Block], form: BlockForm) -> str:
    docs = field_docs(block)
    rows = ["| key | value | default | |", "|---|---|---|---|"]
    for key in form.keys:
        field = form.fields[key]
        default = "required" if field.required else _default(field, form.forms[key])
        rows.append(f"| `{key}` | {_cell(_says(form.forms[key]))} | {_cell(default)} | {_cell(docs[field.name])} |")
    if block.others:
        rows.append(f"| any other | {_cell(_says(form.forms[block.others]))} | | {_cell(docs[block.others])} |")
    return "\n".join(rows) + "\n"


def _says(form: Form) -> str:
    if isinstance(form, BlockForm):
        return f"[{form.block.__name__}](#{form.block.__name__.lower()})"
    item = getattr(form, "item", None) or getattr(form, "value", None)
    if isinstance(item, BlockForm):
        name = f"[{item.block.__name__}](#{item.block.__name__.lower()})"
        if getattr(form, "single", False):
            return f"{name}, or a list"
        return f"list of {name}" if hasattr(form, "item") else f"name: {name}"
    return form.says


def _default(field: Any, form: Form) -> str:
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None or value in ((), {}, "") or isinstance(value, Block):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int) and form.says.startswith("a duration"):
        return f"`{units.format_duration(value)}`"
    if isinstance(value, units.Rate):
        return f"`{value.count:g} per {value.unit}`"
    if isinstance(value, tuple):
        return " ".join(f"`{item}`" for item in value)
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _expect() -> str:
    listed = ", ".join(f"`{name}`" for name in QUANTITIES)
    return (
        "## Expect\n\n"
        "Quantities with what should hold, and the window they are taken over.\n\n"
        "| key | value | default | |\n|---|---|---|---|\n"
        f"| {listed} | a comparison | | Breached when n is at least `min_n` and the 95 % interval lies wholly on the "
        "wrong side; recovered when the estimate has been right for 5 minutes. Steps have `conversion` only. |\n"
        "| `over` | a duration such as 1h | `1h` | Length of the window, whole seconds. |\n"
    )
