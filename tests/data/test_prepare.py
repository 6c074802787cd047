"""Preparing: what predict would see, once, whatever happens on the way."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

import facefatigue
from facefatigue.cli import main
from facefatigue.clips import ClipSpec
from facefatigue.data.clip_list import read_clips, stated_spec
from facefatigue.data.prepare import prepare
from facefatigue.data.rows import FaultsError
from facefatigue.errors import ConfigurationError
from facefatigue.locks import only_run_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPEC = ClipSpec(frames=8, frame_rate_hz=12.5, size_px=48)  # 0.64 s


@pytest.fixture
def recordings(tmp_path: Path, sample: Path, write_video: Callable[..., Path]) -> Path:
    """A manifest: two stretches of the sample, a copy of it, one without a face, one that is no video."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    shutil.copy(sample, folder / "sample.mp4")
    shutil.copy(sample, folder / "copy.mp4")
    shutil.move(write_video("blank.mp4", [np.full((64, 96, 3), 90, np.uint8)] * 30), folder / "blank.mp4")
    (folder / "broken.mp4").write_bytes(b"not a video at all")
    lines = [
        "video,subject,score,session,scenario,start_s,end_s,glasses",
        "sample.mp4,ann,0.25,ann-1,work,1,3,no",
        "sample.mp4,ann,0.75,ann-1,home,4,6,no",
        "copy.mp4,ann,0.75,,,1,3,no",
        "sample.mp4,ann,0.75,ann-1,home,90,95,no",
        "blank.mp4,cem,0.5,,,,,yes",
        "broken.mp4,dan,0.5,,,,,",
    ]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_every_recording_is_accounted_for(recordings: Path, tmp_path: Path) -> None:
    out, stages = tmp_path / "out", []
    prepared = prepare(recordings, out, SPEC, workers=2, on_done=lambda *entry: stages.append(entry))
    assert [(entry.recording.line, entry.problem) for entry in prepared.quarantine[:3]] == [
        (4, "it shows the very same video as line 2 (sample.mp4)"),
        (5, "the video ends before it starts"),
        (6, "no face was found"),
    ]
    assert "broken.mp4" in prepared.quarantine[3].problem
    assert (prepared.recordings, len(prepared.quarantine), prepared.done_before) == (6, 4, 0)
    assert prepared.windows == prepared.clips + sum(prepared.rejected.values())
    rows = rows_of(prepared.manifest)
    assert len(rows) == prepared.clips == 6
    assert {(row["subject"], row["score"], row["session"], row["scenario"], row["glasses"]) for row in rows} == {
        ("ann", "0.25", "ann-1", "work", "no"), ("ann", "0.75", "ann-1", "home", "no"),
    }  # fmt: skip
    assert {row["recording"] for row in rows} == {"sample.mp4@1-3", "sample.mp4@4-6"}
    assert [row["problem"] == "" for row in rows_of(out / "recordings.csv")] == [True, True, False, False, False, False]
    assert len(rows_of(out / "quarantine.csv")) == 4
    assert {stage for stage, _, _ in stages} == {"hashing", "cutting"}

    clips = read_clips(out, shape=SPEC.shape)
    assert len(clips) == 6
    assert stated_spec(out) == SPEC
    again = prepare(recordings, out, SPEC)
    assert (again.clips, again.done_before) == (6, 4)  # the copy and the broken one have nothing that could be done


@pytest.mark.slow
def test_clips_are_what_predict_scores(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(f"video,subject,score,start_s,end_s\n{sample},ann,1,0,7.7\n")
    config = facefatigue.Estimator().config
    spec = ClipSpec(frames=config.frames, frame_rate_hz=config.frame_rate_hz, size_px=config.size_px)
    prepared = prepare(tmp_path / "manifest.csv", tmp_path / "out", spec)
    clips = read_clips(tmp_path / "out")
    from facefatigue.engine import open_engine
    from facefatigue.evaluate.predict import predict_clips
    from facefatigue.model.artefact import DEFAULT_MODEL, load_artefact

    engine = open_engine(load_artefact(DEFAULT_MODEL), engine="onnxruntime")
    scores = predict_clips(clips, engine).score
    with facefatigue.Estimator(engine="onnxruntime") as estimator:
        windows = estimator.analyze(sample, max_duration_s=7.7).report.faces[0].windows
    scored = [window.score for window in windows if window.score is not None]
    assert prepared.clips == len(scored) == int(7.7 / config.window_s)
    assert scores == pytest.approx(scored, abs=1e-6)


@pytest.mark.slow
def test_a_killed_preparation_loses_nothing_and_repeats_nothing(sample: Path, tmp_path: Path) -> None:
    lines = ["video,subject,score,start_s,end_s"]
    for number in range(6):  # other content, so other keys
        video = tmp_path / f"{number}.mp4"
        video.write_bytes(sample.read_bytes() + b"\0" * number)
        lines.append(f"{video.name},p{number},0.5,0,2")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "facefatigue",
        "prepare",
        str(tmp_path),
        str(out),
        "--frames",
        "8",
        "--size",
        "48",
        "--workers",
        "2",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(list(out.glob("clips/*/[!.]*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    import os

    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in out.glob("clips/*/[!.]*.json")}
    assert 2 <= len(done) <= 6
    left = subprocess.run(command, capture_output=True, text=True, check=False)
    assert left.returncode == 0, left.stderr
    assert f"6 recordings = 6 with clips + 0 in quarantine ({len(done)} were done before)" in left.stdout
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert len(list(out.glob("clips/*/*.npy"))) == 6
    assert not list(out.glob("clips/*/.*")), "half-written files are swept away"
    assert {row["clip"].partition("#")[0] for row in rows_of(out / "manifest.csv")} == {
        path.relative_to(out).as_posix() for path in out.glob("clips/*/*.npy")
    }


@pytest.mark.slow
def test_what_is_damaged_or_changed_is_done_again(sample: Path, tmp_path: Path) -> None:
    video = tmp_path / "v.mp4"
    shutil.copy(sample, video)
    (tmp_path / "manifest.csv").write_text("video,subject,score,end_s\nv.mp4,ann,0.5,2\n")
    out = tmp_path / "out"
    first = prepare(tmp_path, out, SPEC)
    (shard,) = out.glob("clips/*/*.npy")
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    again = prepare(tmp_path, out, SPEC)
    assert (again.clips, again.done_before) == (first.clips, 0)
    assert shard.read_bytes() == whole
    (tmp_path / "manifest.csv").write_text("video,subject,score,end_s\nv.mp4,ann,0.9,2\n")
    assert prepare(tmp_path, out, SPEC).done_before == 1, "a new label needs no new clips"
    assert {row["score"] for row in rows_of(out / "manifest.csv")} == {"0.9"}
    video.write_bytes(video.read_bytes() + b"\0")
    assert prepare(tmp_path, out, SPEC).done_before == 0, "other content"


def test_one_video_under_two_names_is_not_two_people(recordings: Path, tmp_path: Path) -> None:
    text = (recordings / "manifest.csv").read_text().replace("copy.mp4,ann", "copy.mp4,bob")
    (recordings / "manifest.csv").write_text(text)
    with pytest.raises(FaultsError, match=r"line 4: copy.mp4 is the very same video as sample.mp4 in line 2"):
        prepare(recordings, tmp_path / "out", SPEC)
    assert not list((tmp_path / "out").glob("clips/*"))


def test_a_list_of_the_users_own_is_never_written_over(recordings: Path) -> None:
    before = (recordings / "manifest.csv").read_bytes()
    with pytest.raises(ConfigurationError, match="that prepare did not write"):
        prepare(recordings, recordings, SPEC)
    (recordings / "manifest.csv").rename(recordings / "recordings.csv")
    with pytest.raises(ConfigurationError, match="that prepare did not write"):
        prepare(recordings / "recordings.csv", recordings, SPEC)
    assert (recordings / "recordings.csv").read_bytes() == before


def test_nothing_is_done_for_a_wrong_call(recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for given, words in (({"workers": 0}, "0 workers"), ({"stride_s": 0.0}, "the stride is 0.0")):
        with pytest.raises(ConfigurationError, match=words):
            prepare(recordings, out, SPEC, **given)
    with pytest.raises(FaultsError, match="No such file"):
        prepare(tmp_path / "nothing", out, SPEC)
    assert not out.exists()
    with only_run_in(out), pytest.raises(ConfigurationError, match="another run is at work"):
        prepare(recordings, out, SPEC)
    (out / "prepare.json").write_text(json.dumps({"schema": "facefatigue.prepare/1", "frames": 32}))
    with pytest.raises(ConfigurationError, match=r"prepared otherwise \(.*size_px.* differ\)"):
        prepare(recordings, out, SPEC)
    (out / "prepare.json").write_text("{")
    with pytest.raises(ConfigurationError, match="is damaged"):
        prepare(recordings, out, SPEC)
    with pytest.raises(ConfigurationError, match="frames is 1 but must be from 2 to 1024"):
        ClipSpec(frames=1)


@pytest.mark.slow
def test_without_any_clip_the_exit_code_says_so(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recordings / "manifest.csv").write_text("video,subject,score\nblank.mp4,cem,0.5\n")
    assert main(["prepare", str(recordings), str(tmp_path / "out"), "--workers", "1"]) == 4
    printed = capsys.readouterr()
    assert "quarantined: blank.mp4: no face was found" in printed.err
    assert "1 recordings = 0 with clips + 1 in quarantine" in printed.out
