"""Reading the rig file, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from facefatigue.errors import ConfigurationError
from facefatigue.synth.rig import LANDMARK_VERTICES, MATERIALS, five_landmarks, load_rig

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.synth.rig import Rig


def test_the_average_person_is_the_neutral_face(rig: Rig) -> None:
    assert np.array_equal(rig.person(np.zeros(3)), rig.neutral)
    assert rig.neutral.dtype == rig.person(np.ones(3)).dtype == np.float32
    assert np.allclose(rig.person([1, 0, 0]) - rig.neutral, rig.identities[0], atol=1e-5)


def test_quads_become_triangles_and_films_are_not_drawn(rig: Rig, rig_arrays: dict[str, Any]) -> None:
    drawn = rig_arrays["faces"][rig_arrays["face_material"] > 0]
    assert len(rig.triangles) == 2 * (drawn[:, 3] >= 0).sum() + (drawn[:, 3] < 0).sum()
    assert rig.triangles.min() >= 0
    film = rig_arrays["faces"][rig_arrays["face_material"] == 0]
    assert (rig.material[film] == -1).sum() == 4
    assert (rig.material == MATERIALS.index("M_IrisLeft")).sum() == 80


def test_landmarks_stand_in_the_order_of_the_detector(rig: Rig) -> None:
    left, right, nose, mouth_left, mouth_right = five_landmarks(rig.neutral[list(LANDMARK_VERTICES)])
    assert left[0] < nose[0] < right[0]
    assert mouth_left[0] < mouth_right[0]
    assert left[1] > nose[1] > mouth_left[1]  # y runs up


def test_no_file_says_where_a_rig_comes_from(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no rig\.npz: no rig file there.*ICT-FaceKit \(MIT") as caught:
        load_rig(tmp_path / "no rig.npz")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 6


def test_text_and_broken_files_are_refused(tmp_path: Path, rig_path: Path) -> None:
    text, cut = tmp_path / "text.npz", tmp_path / "cut.npz"
    text.write_text("this is no archive")
    cut.write_bytes(rig_path.read_bytes()[:2000])
    for path in (text, cut):
        with pytest.raises(ConfigurationError, match="is not a rig file"):
            load_rig(path)


@pytest.mark.parametrize("missing", ["neutral", "expression_name", "faces", "material_name"])
def test_a_missing_array_is_named(tmp_path: Path, rig_arrays: dict[str, Any], missing: str) -> None:
    del rig_arrays[missing]
    np.savez(tmp_path / "rig.npz", **rig_arrays)
    with pytest.raises(ConfigurationError, match=missing):
        load_rig(tmp_path / "rig.npz")


def _short(arrays: dict[str, Any]) -> None:
    arrays["neutral"] = arrays["neutral"][:6000]
    arrays["expression_delta"] = arrays["expression_delta"][:, :6000]
    arrays["faces"] = arrays["faces"] % 6000


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda arrays: arrays.update(expression_name=arrays["expression_name"][:5]), "do not fit"),
        (lambda arrays: arrays.update(faces=arrays["faces"] + len(arrays["neutral"])), "do not fit"),
        (_short, "only 6000 vertices"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, rig_arrays: dict[str, Any], change: Any, told: str) -> None:
    change(rig_arrays)
    np.savez(tmp_path / "rig.npz", **rig_arrays)
    with pytest.raises(ConfigurationError, match=told):
        load_rig(tmp_path / "rig.npz")


def test_the_real_rig_closes_its_eyes_and_opens_its_mouth(real_rig_path: Path) -> None:
    rig = load_rig(real_rig_path)

    def opening_cm(name: str, above: int, below: int) -> float:
        marks = (rig.neutral + rig.expressions.get(name, np.float32(0)))[list(LANDMARK_VERTICES)]
        return float(marks[above, 1] - marks[below, 1])

    assert opening_cm("none", 37, 41) > 0.5
    assert opening_cm("eyeBlink_R", 37, 41) < 0.25
    assert opening_cm("eyeBlink_L", 44, 46) < 0.25
    assert opening_cm("jawOpen", 62, 66) > opening_cm("none", 62, 66) + 2
