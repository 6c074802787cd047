from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from facefatigue.data.layouts import read_daisee
from facefatigue.data.rows import FaultsError
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEADER = "ClipID,Boredom,Engagement,Confusion,Frustration \n"  # the published header ends with a blank


def write_labels(root: Path, **lines: str) -> None:
    (root / "Labels").mkdir(exist_ok=True)
    for name, text in lines.items():
        (root / "Labels" / f"{name}Labels.csv").write_text(HEADER + text)


def test_boredom_and_engagement(root: Path, touch: Callable[..., None], settle: Callable, reasons: Callable) -> None:
    touch(
        "DataSet/Train/110001/1100011002/1100011002.avi",
        "DataSet/Train/110001/1100011003/1100011003.AVI",
        "DataSet/Test/videos/500044/5000441001/5000441001.mp4",  # a copy with a folder more and other suffixes
        "DataSet/Validation/400018/4000181001.avi",  # a copy without the folder of the clip
        "DataSet/Train/110001/1100011099/1100011099.avi",
        "DataSet/Train/1100011004.avi",
        "loose/1100011005.avi",
    )
    write_labels(
        root,
        Train="1100011002.avi,0,2,0,0\n1100011003.avi,3,1,2,1\n1100011004.avi,0,0,0,0\n1100011005.avi,0,0,0,0\n",
        Validation="4000181001.avi,1,3,0,0\n",
        Test="5000441001.avi,2,0,0,0\n",
        All="1100011002.avi,0,2,0,0\n",
    )
    (root / "Labels" / "4_TrainLabels_confusion.csv").write_text("ClipID,Confusion\n1100011099.avi,1\n")
    reading = read_daisee(root)
    found = settle(reading)
    assert {path.rpartition("/")[2]: (one.subject, one.score) for path, one in found.items()} == {
        "1100011002.avi": ("110001", 0.0),
        "1100011003.AVI": ("110001", 1.0),
        "5000441001.mp4": ("500044", pytest.approx(2 / 3)),
        "4000181001.avi": ("400018", pytest.approx(1 / 3)),
    }
    assert dict(found["DataSet/Train/110001/1100011003/1100011003.AVI"].further) == {
        "boredom": "3",
        "engagement": "1",
        "confusion": "2",
        "frustration": "1",
        "published_part": "train",
    }
    assert {one.label_source for one in found.values()} == {"DAiSEE boredom (crowd-rated), not fatigue"}
    assert reasons(reading) == {
        "DataSet/Train/110001/1100011099/1100011099.avi": "no label file lists it",
        "DataSet/Train/1100011004.avi": "its folders name no part with a subject",
        "loose/1100011005.avi": "its folders name no part with a subject",
    }
    engaged = read_daisee(root, target="engagement")
    assert [one.score for one in engaged.recordings] == pytest.approx([1.0, 1 / 3, 2 / 3, 0.0])
    assert engaged.recordings[0].label_source == "DAiSEE lack of engagement (crowd-rated), not fatigue"


def test_no_label_files(root: Path, touch: Callable[..., None]) -> None:
    touch("DataSet/Train/110001/1100011002/1100011002.avi")
    with pytest.raises(ConfigurationError, match="there are no label files below it; DAiSEE is expected as ROOT/DataSet"):
        read_daisee(root)


def test_damaged_label_files_name_every_line(root: Path, touch: Callable[..., None]) -> None:
    touch("DataSet/Train/110001/1100011002/1100011002.avi")
    write_labels(
        root,
        All="1.avi,0,2,0,0\n2.avi,4,2,,0\n,1,1,1,1\n",
        Train="1.avi,1,2,0,0\n3.avi,0,2,0,0,7\n",
        Validation="1.avi,1,2,0,0\n5.avi,0,0.5,0,0\n",
    )
    (root / "Labels" / "TestLabels.csv").write_text("ClipID,Boredom\n1.avi,0\n")
    with pytest.raises(FaultsError) as caught:
        read_daisee(root)
    assert caught.value.faults == (
        "Labels/AllLabels.csv line 3: boredom is '4', confusion is '', not a whole number from 0 to 3",
        "Labels/AllLabels.csv line 4: the clip is empty",
        "Labels/TestLabels.csv has no column engagement, confusion, frustration",
        "Labels/TrainLabels.csv: line 3 has 6 cells, but the header has 5 (put quotes around a cell with a comma)",
        "Labels/ValidationLabels.csv line 2: clip 1 has other ratings than before",
        "Labels/ValidationLabels.csv line 3: engagement is '0.5', not a whole number from 0 to 3",
    )
