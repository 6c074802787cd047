"""Reading the rig file, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from facefatigue.errors import ConfigurationError
from facefatigue.synth.rig import EXPRESSIONS, LANDMARK_VERTICES, MATERIALS, five_landmarks, load_rig

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.synth.rig import Rig


def test_the_average_person_is_the_neutral_face(rig: Rig) -> None:
    assert np.array_equal(rig.person(np.zeros(3)), rig.neutral)
    assert rig.neutral.dtype == rig.person(np.ones(3)).dtype == np.float32
    assert np.allclose(rig.person([1, 0, 0]) - rig.neutral, rig.identities[0], atol=1e-5)


def test_quads_become_triangles_by_what_they_are_made_of(rig: Rig, rig_arrays: dict[str, Any]) -> None:
    names = list(rig_arrays["material_name"])

    def wanted(*materials: str) -> int:
        own = rig_arrays["faces"][np.isin(rig_arrays["face_material"], [names.index(name) for name in materials])]
        return int(2 * (own[:, 3] >= 0).sum() + (own[:, 3] < 0).sum())

    assert len(rig.triangles) == wanted("M_Face", "M_IrisLeft", "M_IrisRight")
    assert len(rig.mouth_triangles) == wanted("M_Teeth") == 2
    assert len(rig.film_triangles) == 2 * wanted("M_EyeLashes") == 8  # from both sides
    for triangles in (rig.triangles, rig.mouth_triangles, rig.film_triangles):
        assert 0 <= triangles.min() <= triangles.max() < len(rig.neutral)
    assert (rig.material == MATERIALS.index("M_IrisLeft")).sum() == 80
    assert rig.made_of("M_IrisLeft", "M_IrisRight").sum() == 160
    assert len(rig.mouth) == 4


def test_vertices_that_nothing_is_drawn_from_are_left_out(rig: Rig, rig_arrays: dict[str, Any]) -> None:
    assert len(rig.neutral) < len(rig_arrays["neutral"]) / 5
    assert np.array_equal(rig.neutral[rig.marks], rig_arrays["neutral"][list(LANDMARK_VERTICES)])
    assert rig.neutral[rig.eyeballs["L"], 0].mean() == pytest.approx(3.2, abs=1e-4)  # the person's left is at x above 0
    assert rig.neutral[rig.eyeballs["R"], 0].mean() == pytest.approx(-3.2, abs=1e-4)


def test_expressions_add_up_in_place(rig: Rig) -> None:
    assert set(rig.expressions) == set(EXPRESSIONS)
    vertices = np.concatenate([rig.neutral, np.ones((2, 3), np.float32)])  # what is worn comes behind
    posed = rig.pose(vertices, {"eyeBlink_L": 0.5, "eyeBlink_R": 1.0, "jawOpen": 0.0})
    assert posed is vertices
    moved = vertices[rig.marks] - rig.neutral[rig.marks]
    assert np.allclose(moved[[43, 44], 1], -0.4, atol=1e-3)
    assert np.allclose(moved[[37, 38], 1], -0.8, atol=1e-3)
    assert not np.delete(moved, [37, 38, 43, 44], axis=0).any()
    assert (vertices[-2:] == 1).all()


def test_triangles_that_are_never_seen_go(rig: Rig) -> None:
    seen = np.ones(len(rig.neutral), bool)
    seen[rig.eyeballs["L"]] = False
    fewer = rig.without_hidden(seen)
    assert len(rig.triangles) - len(fewer.triangles) == 140  # of one ball
    assert not np.isin(fewer.triangles, rig.eyeballs["L"]).any()
    assert fewer.neutral is rig.neutral


def test_landmarks_stand_in_the_order_of_the_detector(rig: Rig) -> None:
    left, right, nose, mouth_left, mouth_right = five_landmarks(rig.neutral[rig.marks])
    assert left[0] < nose[0] < right[0]
    assert mouth_left[0] < mouth_right[0]
    assert left[1] > nose[1] > mouth_left[1]  # y runs up


def test_no_file_says_where_a_rig_comes_from(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"no rig\.npz: no rig file there; .*from a clone of ICT-FaceKit.*\(MIT licence"
    ) as caught:
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
    for name in ("expression_delta", "identity_delta"):
        arrays[name] = arrays[name][:, :6000]
    arrays["faces"] = arrays["faces"] % 6000


def _no_blink(arrays: dict[str, Any]) -> None:
    arrays["expression_name"] = np.array([name.replace("Blink", "Wink") for name in EXPRESSIONS])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda arrays: arrays.update(expression_name=arrays["expression_name"][:5]), "do not fit"),
        (lambda arrays: arrays.update(faces=arrays["faces"] + len(arrays["neutral"])), "do not fit"),
        (_short, "only 6000 vertices"),
        (lambda arrays: arrays.update(faces=arrays["faces"][:, :3]), "do not fit"),
        (lambda arrays: arrays.update(face_material=arrays["face_material"][1:]), "do not fit"),
        (lambda arrays: arrays.update(faces=arrays["faces"] - 300), "do not fit"),
        (lambda arrays: arrays.update(landmark_vertices=np.arange(67)), "do not fit"),
        (lambda arrays: arrays.update(landmark_vertices=np.arange(68) - 1), "do not fit"),
        (lambda arrays: arrays.update(material_name=np.array(["M_Other"] * 12)), "no material M_Face"),
        (_no_blink, "no expression eyeBlink_L, eyeBlink_R;"),
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
        marks = rig.pose(rig.neutral.copy(), {name: 1.0} if name != "none" else {})[rig.marks]
        return float(marks[above, 1] - marks[below, 1])

    assert opening_cm("none", 37, 41) > 0.5
    assert opening_cm("eyeBlink_R", 37, 41) < 0.25
    assert opening_cm("eyeBlink_L", 44, 46) < 0.25
    assert opening_cm("jawOpen", 62, 66) > opening_cm("none", 62, 66) + 2
