"""`touchline worker`: what it says before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.cli import main


def test_a_receiver_that_cannot_be_one_is_refused_before_anything_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "shop.yml"
    path.write_text("subscriptions: [{name: ops, to: 'slack:T0KEN'}]\n")
    kafka = ["--kafka", "127.0.0.1:1", "--redis", "redis://127.0.0.1:1/0"]
    assert main(["worker", "-c", str(path), *kafka]) == 1
    told = capsys.readouterr().err
    assert "subscriptions[0].to[0]: slack: " in told
    assert "T0KEN" not in told


def test_baselines_that_do_not_fit_are_refused_before_anything_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "shop.yml"
    path.write_text("version: 1\n")
    kafka = ["--kafka", "127.0.0.1:1", "--redis", "redis://127.0.0.1:1/0"]
    assert main(["worker", "-c", str(path), *kafka, "--learnt", str(path)]) == 1
    assert f"{path}: these are no baselines" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--batch", "--cache"])
def test_a_worker_that_could_hold_nothing_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    path = tmp_path / "shop.yml"
    path.write_text("version: 1\n")
    kafka = ["--kafka", "127.0.0.1:1", "--redis", "redis://127.0.0.1:1/0"]
    assert main(["worker", "-c", str(path), *kafka, option, "0"]) == 2
    assert f"{option}: expected at least 1" in capsys.readouterr().err
