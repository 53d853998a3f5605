"""What changed from one value to the next as a JSON Patch (RFC 6902) of `replace` operations only.

A merge patch (RFC 7396) would not do: in it `null` takes a member away, and in a view it says that a value is absent.
"""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def json_patch(old: Any, new: Any) -> bytes:
    """The operations that make the JSON of `old` into that of `new`; `[]` where they are the same.

    Structs, mappings and sequences of the same shape are compared part by part, everything else is replaced. A small
    struct of which more than half changed is replaced as one.
    """
    found: list[bytes] = []
    _compare(old, new, "", found)
    return b"[" + b",".join(found) + b"]"


def _compare(old: Any, new: Any, path: str, found: list[bytes]) -> None:
    if old is new or old == new:
        return
    kind = type(new)
    if kind is not type(old):
        _replace(new, path, found)
    elif isinstance(new, msgspec.Struct):
        _compare_structs(old, new, path, found)
    elif kind is dict and old.keys() == new.keys():
        for key, value in new.items():
            _compare(old[key], value, f"{path}/{_escaped(key)}", found)
    elif kind in (list, tuple) and len(old) == len(new) and _structured(new):
        for at, value in enumerate(new):
            _compare(old[at], value, f"{path}/{at}", found)
    else:
        _replace(new, path, found)


def _compare_structs(old: msgspec.Struct, new: msgspec.Struct, path: str, found: list[bytes]) -> None:
    kind = type(new)
    if kind.__struct_config__.array_like:
        _replace(new, path, found)
        return
    pairs = [
        (name, before, after)
        for name, field in zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True)
        if (before := getattr(old, field)) is not (after := getattr(new, field)) and before != after
    ]
    if 2 * len(pairs) > len(kind.__struct_fields__) and not any(_has_parts(after) for _, _, after in pairs):
        _replace(new, path, found)
        return
    for name, before, after in pairs:
        _compare(before, after, f"{path}/{name}", found)


def _has_parts(value: Any) -> bool:
    return isinstance(value, (dict, list, tuple, msgspec.Struct))


def _structured(values: Any) -> bool:
    return any(isinstance(value, (dict, msgspec.Struct)) for value in values)


def _replace(value: Any, path: str, found: list[bytes]) -> None:
    found.append(b'{"op":"replace","path":%b,"value":%b}' % (_encode(path), _encode(value)))


def _escaped(key: str) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
