"""The command line of the renderer, on what goes wrong before anything is rendered."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import pytest

from facefatigue.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def _render(rig: Path, out: Path, *more: str) -> int:
    return main(["synth", "render", "--rig", str(rig), "--clips", "2", "--out", str(out), *more])


def test_no_rig_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _render(tmp_path / "rig.npz", tmp_path / "out") == 6
    err = capsys.readouterr().err
    assert "rig.npz: no rig file there; make one with 'facefatigue synth rig FACEKIT OUT'" in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()
    assert main(["synth", "sample", "--rig", str(tmp_path / "rig.npz"), "--out", str(tmp_path / "a.mp4")]) == 6
    assert not (tmp_path / "a.mp4").exists()


def test_no_clone_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", "rig", str(tmp_path), str(tmp_path / "rig.npz")]) == 6
    err = capsys.readouterr().err
    assert "has no generic_neutral_mesh.obj and no vertex_indices.json; give a clone of ICT-FaceKit" in err
    assert not (tmp_path / "rig.npz").exists()


@pytest.mark.parametrize("part", ["render", "sample"])
def test_without_numba_the_extra_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    found = importlib.util.find_spec

    def find(name: str, *more: Any) -> Any:
        return None if name == "numba" else found(name, *more)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    clips = ["--clips", "1"] if part == "render" else []
    assert main(["synth", part, "--rig", "rig.npz", *clips, "--out", str(tmp_path / "out.mp4")]) == 7
    assert "rendering (numba) is not installed; install it with: pip install 'facefatigue[train]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--frames", "1"), "frames is 1"),
        (("--size", "8", "--frame-rate", "0"), "the frame rate is 0.0 .*the size is 8"),
        (("--seed", "-4"), "the seed is -4"),
        (("--workers", "0"), "with 0 workers"),
    ],
)
def test_numbers_that_make_no_sense(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], told: str
) -> None:
    import re

    assert _render(tmp_path / "rig.npz", tmp_path / "out", *flags) == 6
    assert re.search(told, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_a_seed_must_be_a_number(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        _render(tmp_path / "rig.npz", tmp_path / "out", "--seed", "x")
