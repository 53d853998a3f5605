"""`touchline grafana` as it is typed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from streams.cli import main
from tests.streams.runtime.grafana_double import TOKEN, GrafanaDouble, running


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRAFANA_URL", "GRAFANA_URL_FILE", "GRAFANA_TOKEN", "GRAFANA_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)


async def test_push_then_check_with_the_token_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    monkeypatch.setenv("GRAFANA_TOKEN_FILE", str(tmp_path / "token"))
    double = GrafanaDouble()
    async with running(double) as url:
        monkeypatch.setenv("GRAFANA_URL", url)
        assert await asyncio.to_thread(main, ["grafana", "check"]) == 1
        assert capsys.readouterr().out.count("is not there; push it") == 5
        assert await asyncio.to_thread(main, ["grafana", "push", "--console", "https://cx.example"]) == 0
        assert capsys.readouterr().out.count("created   touchline-") == 5
        assert await asyncio.to_thread(main, ["grafana", "check", "--console", "https://cx.example"]) == 0
        assert capsys.readouterr().out == "all 5 boards are as they should be\n"
        assert await asyncio.to_thread(main, ["grafana", "check"]) == 1
        assert "templating.list" in capsys.readouterr().out


async def test_another_folder_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    double = GrafanaDouble()
    async with running(double) as url:
        assert await asyncio.to_thread(main, ["grafana", "push", "--url", url, "--folder", "cx"]) == 0
    assert list(double.folders) == ["cx"]


def test_without_a_token_it_says_where_one_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["grafana", "push", "--url", "http://127.0.0.1:1"]) == 2
    assert "neither GRAFANA_TOKEN nor GRAFANA_TOKEN_FILE" in capsys.readouterr().err
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    assert main(["grafana", "push"]) == 2
    assert "neither GRAFANA_URL nor GRAFANA_URL_FILE" in capsys.readouterr().err
