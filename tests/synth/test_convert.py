"""From a clone of ICT-FaceKit, here a tiny one made on the spot, to a rig file."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.cli import main
from facefatigue.errors import ConfigurationError, OutputError
from facefatigue.synth.convert import convert_rig, read_obj
from facefatigue.synth.rig import EXPRESSIONS, load_rig

if TYPE_CHECKING:
    from pathlib import Path

MARKS = list(range(5, 73))
FACES = """\
o head
g face
usemtl M_Face
f 1/1/1 2/2/2 3/3/3 4/4/4
f 5//5 6//6 7//7
usemtl M_EyeLashes
f 8/1 9/2 10/3
usemtl M_Face
s off
f 11 12 13 14
"""


def _places() -> np.ndarray:
    """(80, 3) cm."""
    return np.random.default_rng(2).uniform(-5, 5, (80, 3)).round(4)


def _obj(places: np.ndarray, faces: str = "") -> str:
    """An OBJ file as modelling programs write them, with comments and texture coordinates."""
    lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in places]
    return "\n".join(["# a mesh", "mtllib rig.mtl", *lines, "vt 0.5 0.5", "vn 0 0 1", ""]) + faces


def _moved(number: int) -> np.ndarray:
    places = _places()
    places[number] += (0.5, 0.25, -1.0)
    return places


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone") / "FaceXModel"
    folder.mkdir()
    (folder / "generic_neutral_mesh.obj").write_text(_obj(_places(), FACES))
    for number in range(3):
        (folder / f"identity{number:03d}.obj").write_text(_obj(_moved(number), FACES))
    for number, name in enumerate(sorted(EXPRESSIONS)):
        (folder / f"{name}.obj").write_text(_obj(_moved(number), FACES))
    (folder / "vertex_indices.json").write_text(json.dumps({"idx_to_landmark_verts": MARKS, "more": [1]}))
    return folder.parent


@pytest.fixture
def clone(made: Path, tmp_path: Path) -> Path:
    """A clone to damage."""
    return shutil.copytree(made, tmp_path / "clone")


def test_a_clone_becomes_a_rig(made: Path, tmp_path: Path) -> None:
    out, seen = tmp_path / "rig.npz", []
    convert_rig(made, out, progress=lambda *at: seen.append(at))
    every = 3 + len(EXPRESSIONS)
    assert seen == [(number + 1, every) for number in range(every)]
    rig = load_rig(out)
    places = _places()
    assert np.allclose(rig.neutral[rig.marks], places[MARKS], atol=1e-6)
    assert set(rig.expressions) == set(EXPRESSIONS)
    assert (len(rig.triangles), len(rig.film_triangles), len(rig.mouth_triangles)) == (5, 2, 0)
    assert len(rig.identities) == 3
    assert np.allclose(rig.person([0, 2, 0])[1] - rig.neutral[1], (1.0, 0.5, -2.0), atol=1e-3)
    numbers, deltas = rig.expressions[sorted(EXPRESSIONS)[7]]
    assert np.allclose(rig.neutral[numbers], places[[7]], atol=1e-6)
    assert np.allclose(deltas, [(0.5, 0.25, -1.0)], atol=1e-3)

    convert_rig(made / "FaceXModel", tmp_path / "again.npz")  # the folder itself will do
    with np.load(out) as one, np.load(tmp_path / "again.npz") as other:
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_the_command_converts(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rig.npz"
    assert main(["synth", "rig", str(made), str(out)]) == 0
    assert "give it with --rig" in capsys.readouterr().out
    assert load_rig(out).marks.shape == (68,)
    assert main(["synth", "rig", str(tmp_path), str(out)]) == 6
    assert "give a clone of ICT-FaceKit" in capsys.readouterr().err


def test_faces_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "mesh.obj"
    path.write_text("f 1 2 3\n" + _obj(_places()[:20], FACES) + "f\t20  19\t18 17 \n")
    mesh = read_obj(path)
    assert mesh.faces.tolist() == [
        [0, 1, 2, -1],
        [0, 1, 2, 3],
        [4, 5, 6, -1],
        [7, 8, 9, -1],
        [10, 11, 12, 13],
        [19, 18, 17, 16],
    ]
    assert mesh.materials == ("M_Face", "M_EyeLashes")
    assert mesh.material.tolist() == [-1, 0, 0, 1, 0, 0]
    assert np.allclose(mesh.vertices, _places()[:20], atol=1e-6)
    assert mesh.vertices.dtype == np.float32
    bare = read_obj(path, faces=False)
    assert len(bare.faces) == 0
    assert np.array_equal(bare.vertices, mesh.vertices)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("v 1.0 2.0", "line 6: a vertex needs three numbers"),
        ("v 1.0 2.0 nan", "line 6: a vertex needs three numbers"),
        ("v 1.0 two 3.0", "line 6: could not convert string to float: 'two'"),
        ("v", "line 6: a vertex needs three numbers"),
        ("f 1 2", "line 6: a face has 2 corners"),
        ("f 1 2 3 1 2", "line 6: a face has 5 corners"),
        ("f 1 2 x", "line 6: invalid literal"),
        ("f 0 1 2", "line 6: .* count from 1"),
        ("f 1 2 3 -1", "line 6: .* count from 1"),
        ("f 1 2 99999999999", "line 6: .* count from 1"),
        ("f 1 2 4", "faces name vertices that it does not have"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "mesh.obj"
    path.write_text("# three\nv 0 0 0\nv 1 0 0\nv 0 1 0\n\n" + line + "\n")
    with pytest.raises(ConfigurationError, match=told) as caught:
        read_obj(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_file_is_no_mesh(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.obj: cannot be read: No such file"):
        read_obj(tmp_path / "none.obj")


@pytest.mark.parametrize("name", ["generic_neutral_mesh.obj", "vertex_indices.json"])
def test_what_a_clone_lacks_is_named(clone: Path, tmp_path: Path, name: str) -> None:
    (clone / "FaceXModel" / name).unlink()
    with pytest.raises(ConfigurationError, match=f"has no {name}; give a clone"):
        convert_rig(clone, tmp_path / "rig.npz")
    assert not (tmp_path / "rig.npz").exists()


@pytest.mark.parametrize(("pattern", "told"), [("identity*.obj", "has 0 identities"), ("[!ig]*.obj", "and 0 expressions")])
def test_a_clone_without_people_or_expressions(clone: Path, tmp_path: Path, pattern: str, told: str) -> None:
    for path in (clone / "FaceXModel").glob(pattern):
        path.unlink()
    with pytest.raises(ConfigurationError, match=told):
        convert_rig(clone, tmp_path / "rig.npz")


def test_another_number_of_vertices(clone: Path, tmp_path: Path) -> None:
    (clone / "FaceXModel" / "jawOpen.obj").write_text(_obj(_places()[:79]))
    with pytest.raises(ConfigurationError, match=r"jawOpen\.obj: has 79 vertices, but generic_neutral_mesh\.obj has 80"):
        convert_rig(clone, tmp_path / "rig.npz")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "holds no landmarks"),
        ("{}", "holds no landmarks .'idx_to_landmark_verts'"),
        ("[1, 2]", "holds no landmarks"),
        ('{"idx_to_landmark_verts": [[1], 2]}', "holds no landmarks"),
        ('{"idx_to_landmark_verts": [1e99]}', "holds no landmarks"),
        (json.dumps({"idx_to_landmark_verts": MARKS[:-1]}), "holds 67 landmarks, but 68"),
        (json.dumps({"idx_to_landmark_verts": [*MARKS[:-1], 80]}), "holds 68 landmarks, but 68 vertices of the mesh"),
        (json.dumps({"idx_to_landmark_verts": [*MARKS[:-1], -1]}), "holds 68 landmarks"),
    ],
)
def test_bad_landmarks(clone: Path, tmp_path: Path, text: str, told: str) -> None:
    (clone / "FaceXModel" / "vertex_indices.json").write_text(text)
    with pytest.raises(ConfigurationError, match=told) as caught:
        convert_rig(clone, tmp_path / "rig.npz")
    assert "\n" not in str(caught.value)


def test_a_place_that_cannot_be_written(made: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="its folder does not exist"):
        convert_rig(made, tmp_path / "nowhere" / "rig.npz")
