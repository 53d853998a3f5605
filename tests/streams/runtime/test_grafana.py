"""Boards are pushed once, found equal after, and what somebody changed is named and put right."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streams.commands.grafana import shipped
from streams.errors import CannotStart, UsageError
from streams.runtime.grafana import Board, Grafana, Pushed, addressed, differences
from tests.streams.runtime.grafana_double import TOKEN, VIEWER, GrafanaDouble, running


async def push(
    url: str, boards: list[Board] | None = None, token: str = TOKEN, folder: str = "touchline"
) -> list[Pushed]:
    def work() -> list[Pushed]:
        with Grafana(url, token) as grafana:
            return list(grafana.push(shipped() if boards is None else boards, folder))

    return await asyncio.to_thread(work)


async def check(url: str, boards: list[Board] | None = None, token: str = TOKEN) -> list[str]:
    def work() -> list[str]:
        with Grafana(url, token) as grafana:
            return list(grafana.check(shipped() if boards is None else boards))

    return await asyncio.to_thread(work)


async def test_a_push_makes_the_folder_and_every_board_and_a_second_one_changes_nothing() -> None:
    double = GrafanaDouble()
    async with running(double) as url:
        assert {one.what for one in await push(url)} == {"created"}
        assert double.folders == {"touchline": "Touchline"}
        assert set(double.dashboards) == {board["uid"] for board in shipped()}
        assert {served["meta"]["folderUid"] for served in double.dashboards.values()} == {"touchline"}
        saved = double.saved
        assert {one.what for one in await push(url)} == {"unchanged"}
        assert double.saved == saved
        assert await check(url) == []


async def test_what_somebody_changed_is_named_and_the_next_push_puts_it_right() -> None:
    double = GrafanaDouble()
    async with running(double) as url:
        await push(url)
        uid = shipped()[0]["uid"]
        double.dashboards[uid]["dashboard"]["title"] = "Mine"
        double.dashboards[uid]["dashboard"]["panels"].pop()
        assert await check(url) == [f"{uid}: differs at panels, title"]
        assert [one.uid for one in await push(url) if one.what == "updated"] == [uid]
        assert await check(url) == []


async def test_a_board_that_was_moved_or_is_missing_or_left_over_is_named() -> None:
    double = GrafanaDouble()
    async with running(double) as url:
        await push(url)
        first, second = (board["uid"] for board in shipped()[:2])
        double.dashboards[first]["meta"]["folderUid"] = ""
        old = double.dashboards.pop(second)
        old["dashboard"]["uid"] = "touchline-old"
        double.dashboards["touchline-old"] = old
        assert await check(url) == [
            f"{first}: expected in folder touchline, is in General",
            f"{second}: is not there; push it",
            "touchline-old: is no board of this release; delete it",
        ]
        assert {one.uid: one.what for one in await push(url) if one.what != "unchanged"} == {
            first: "updated",
            second: "created",
        }


async def test_what_grafana_adds_to_a_board_is_no_difference() -> None:
    double = GrafanaDouble()
    async with running(double) as url:
        await push(url)
        for served in double.dashboards.values():
            served["dashboard"]["schemaVersion"] += 1
            served["dashboard"]["panels"][1]["pluginVersion"] = "13.0.1"
        assert await check(url) == []
        for served in double.dashboards.values():
            served["dashboard"]["schemaVersion"] -= 2
        assert all(fault.endswith("differs at schemaVersion") for fault in await check(url))


async def test_boards_without_a_prometheus_are_worth_a_word() -> None:
    double = GrafanaDouble()
    async with running(double) as url:
        await push(url)
        double.sources = [{"uid": "l", "type": "loki", "name": "Loki"}]
        assert await check(url) == ["there is no Prometheus data source: the boards have nothing to ask"]


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("wrong", "does not know the token (401)"),
        (
            VIEWER,
            "refuses (403): You'll need additional permissions to perform this action.; the service account needs",
        ),
    ],
)
async def test_a_refusal_says_what_to_do(token: str, message: str) -> None:
    async with running(GrafanaDouble()) as url:
        with pytest.raises(CannotStart) as refused:
            await push(url, token=token)
    assert message in str(refused.value)
    assert token not in str(refused.value)


async def test_a_provisioned_board_cannot_be_pushed_and_that_is_said() -> None:
    double = GrafanaDouble()
    double.provisioned = {shipped()[0]["uid"]}
    async with running(double) as url:
        with pytest.raises(CannotStart, match="provisioned dashboard; a board that a file provisions"):
            await push(url)


async def test_a_grafana_that_does_not_answer_is_named() -> None:
    with pytest.raises(CannotStart, match="at http://127.0.0.1:1 does not answer"):
        await push("http://127.0.0.1:1")


@pytest.mark.parametrize("url", ["grafana:3000", "ftp://grafana", "http:// x", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="expected http://HOST"):
        Grafana(url, TOKEN)


def test_runbooks_become_links_and_the_console_is_where_it_is_said_to_be() -> None:
    for before in shipped():
        board = addressed(before, "https://wiki.example/touchline/", "https://cx.example")
        assert "docs/runbooks/" not in str(board)
        assert "](https://wiki.example/touchline/runbooks/" in str(board)
        console = next(one for one in board["templating"]["list"] if one["name"] == "console")
        assert console["query"] == console["current"]["value"] == "https://cx.example"
        assert list(differences(before, board))
        assert addressed(before, None, None) == before


@pytest.mark.parametrize(
    ("ours", "served", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": None}, {}, []),
        ({"a": 1}, {}, ["a"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a"]),
        ({"a": [{"b": {"c": 1}}]}, {"a": [{"b": {"c": "1"}}]}, ["a[0].b.c"]),
        ({"a": True}, {"a": {}}, ["a"]),
    ],
)
def test_differences_are_what_of_ours_is_missing_or_other(ours: Any, served: Any, expected: list[str]) -> None:
    assert list(differences(ours, served)) == expected
