from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.clips import ClipSpec
from facefatigue.data.clip_list import read_clips, read_lists, stated_spec
from facefatigue.data.rows import FaultsError
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


SHAPE = (8, 32, 32, 3)


def refusal(train: Path, validation: Path, shape: tuple[int, ...] = SHAPE) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_lists(train, validation, shape=shape)
    return str(caught.value)


def rewrite(path: Path, *lines: str) -> None:
    path.write_text("\n".join(["clip,subject,score", *lines]) + "\n", encoding="utf-8")


def test_lists_are_read_from_files_and_folders(lists: tuple[Path, Path]) -> None:
    train, validation = read_lists(lists[0], lists[1].parent, shape=SHAPE)
    assert (len(train), len(validation)) == (17, 7)
    assert train.subjects == {"train-0", "train-1", "train-2"}
    shard = np.load(lists[0].parent / "shards" / "0.npy")
    assert (train.crops(4) == shard[4]).all()
    assert train.scores.dtype == np.float32
    again, _ = read_lists(lists[0].parent, lists[1], shape=SHAPE)
    assert train.fingerprint == again.fingerprint != validation.fingerprint


def test_all_faults_are_named_with_their_lines(lists: tuple[Path, Path]) -> None:
    train, validation = lists
    np.save(train.parent / "floats.npy", np.zeros((2, 8, 32, 32, 3), np.float32))
    (train.parent / "short.npy").write_bytes((train.parent / "shards" / "0.npy").read_bytes()[:5000])
    rewrite(
        train,
        "shards/0.npy#0,a,0.5",
        "shards/0.npy#17,a,0.5",
        "shards/0.npy#1,a,1.01",
        "shards/0.npy#1,a,nan",
        "shards/0.npy#1,a,sleepy",
        "shards/0.npy#1,,0.5",
        "shards/0.npy,a,0.5",
        "missing.npy#0,a,0.5",
        "short.npy#0,a,0.5",
        "floats.npy#0,a,0.5",
    )
    with pytest.raises(FaultsError) as caught:
        read_lists(train, validation, shape=SHAPE)
    for line, words in {
        3: "none with index 17", 4: "'1.01'", 5: "'nan'", 6: "'sleepy'", 7: "subject is empty", 8: "'shards/0.npy'",
        9: "missing.npy cannot be read", 10: "short.npy cannot be read", 11: "floats.npy is",
    }.items():  # fmt: skip
        assert any(f"line {line}:" in fault and words in fault for fault in caught.value.faults), (line, words)
    assert not any("line 2:" in fault for fault in caught.value.faults)


def test_a_subject_in_both_lists_is_refused(lists: tuple[Path, Path]) -> None:
    train, validation = lists
    text = validation.read_text(encoding="utf-8").replace("val-1", "train-2")
    validation.write_text(text, encoding="utf-8")
    assert "'train-2' is in both" in refusal(train, validation)
    validation.write_text(text + "shards/0.npy#99,x,7,1\n" * 30, encoding="utf-8")
    many = refusal(train, validation)
    assert "'train-2' is in both" in many
    assert many.endswith("and 51 more")


def test_lists_that_are_none(lists: tuple[Path, Path], tmp_path: Path) -> None:
    train, validation = lists
    assert "No such file" in refusal(tmp_path / "nothing.csv", validation)
    assert "cannot be read as a table" in refusal(train.parent / "shards" / "0.npy", validation)
    train.write_text("clip,name\n", encoding="utf-8")
    rewrite(validation)
    text = refusal(train, validation)
    assert "no column subject, score" in text
    assert "lists no clips" in text


def test_clips_of_another_shape_are_refused_once_for_a_shard(lists: tuple[Path, Path]) -> None:
    text = refusal(*lists, (16, 48, 48, 3))
    assert text.count("(N, 16, 48, 48, 3) uint8") == 2
    assert "(17, 8, 32, 32, 3) uint8" in text


def test_one_clip_is_not_two_whatever_it_is_called(lists: tuple[Path, Path]) -> None:
    train, validation = lists
    header = "clip,subject,score,blinks"
    train.write_text(f"{header}\nshards/0.npy#0,a,0.1,1\n./shards/0.npy#00,b,0.9,1\nshards/0.npy#٣,c,0.2,1")
    with pytest.raises(FaultsError) as caught:
        read_clips(train)
    assert [fault.split(": ", 1)[1] for fault in caught.value.faults] == [
        "./shards/0.npy#00 is listed in line 2 already",
        "the clip is 'shards/0.npy#\u0663', not SHARD.npy#INDEX with a path relative to the list",
    ]
    train.write_text(f"{header}\nshards/0.npy#0,a,0.1,1\nshards/0.npy#1,A,0.9,1")
    with pytest.raises(FaultsError, match="'a' and 'A' differ in case only"):
        read_clips(train)
    train.write_text(f"{header}\nshards/0.npy#0,a,0.1,1\nshards/0.npy#1,b,0.9,1")
    validation.write_text(f"{header}\n../train/shards/0.npy#1,c,0.1,1\nshards/0.npy#1,d,0.9,1")
    assert "share 1 clips, under whatever names" in refusal(train, validation)


def test_an_accent_written_in_two_ways_is_one_name(lists: tuple[Path, Path]) -> None:
    composed, decomposed = "Jos\u00e9", "Jose\u0301"
    lists[0].write_text(f"clip,subject,score\nshards/0.npy#0,{composed},0.1\nshards/0.npy#1,x,0.9\n", encoding="utf-8")
    lists[1].write_text(f"clip,subject,score\nshards/0.npy#0,{decomposed},0.1\n", encoding="utf-8")
    assert f"{composed!r} is in both" in refusal(*lists)


def test_many_shards_need_few_open_files(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    lines = ["clip,subject,score"]
    for number in range(200):
        np.save(tmp_path / f"{number}.npy", np.full((1, 2, 4, 4, 3), number, np.uint8))
        lines.append(f"{number}.npy#0,s{number % 5},{number / 200}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (150, hard))
    try:
        clips = read_clips(tmp_path)
        assert [int(clips.crops(number).max()) for number in range(200)] == list(range(200))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_list_is_no_validation_of_itself(lists: tuple[Path, Path]) -> None:
    text = refusal(lists[0], lists[0])
    assert "subject 'train-0' is in both" in text
    assert "share 17 clips" in text


def test_names_that_differ_in_case_are_found_across_lists(lists: tuple[Path, Path]) -> None:
    text = lists[1].read_text(encoding="utf-8").replace("val-1", "Train-2")
    lists[1].write_text(text, encoding="utf-8")
    assert "'Train-2' and 'train-2' differ in case only" in refusal(*lists)


def test_a_list_elsewhere_has_the_rate_of_its_clips(lists: tuple[Path, Path], tmp_path: Path) -> None:
    stated = {"frames": 8, "frame_rate_hz": 25.0, "size_px": 32}
    (lists[0].parent / "prepare.json").write_text(json.dumps(stated), encoding="utf-8")
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "list.csv").write_text("clip,subject,score\n../train/shards/0.npy#0,a,0.5\n")
    assert stated_spec(tmp_path / "few" / "list.csv") == ClipSpec(frames=8, frame_rate_hz=25.0, size_px=32)


def test_a_shard_that_changes_meanwhile_is_named(lists: tuple[Path, Path]) -> None:
    clips = read_clips(lists[0])
    (lists[0].parent / "shards" / "0.npy").unlink()
    with pytest.raises(ConfigurationError, match=r"0\.npy has changed since its list was read"):
        clips.crops(0)
