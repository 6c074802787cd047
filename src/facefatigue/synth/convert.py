"""From a clone of ICT-FaceKit to the one file that the renderer reads."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.atomic import atomic_path
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

NEUTRAL = "generic_neutral_mesh.obj"
INDICES = "vertex_indices.json"
_MODEL_FOLDER = "FaceXModel"
_MOST_VERTICES = 2**31
_IDENTITY = re.compile(r"identity\d{3}")


@dataclass(frozen=True, eq=False)
class Mesh:
    """What an OBJ file holds.

    Attributes:
        vertices: (V, 3) float32.
        faces: (F, 4) int32 vertex numbers from 0; the last is -1 in triangles.
        material: (F,) int16 index into ``materials``, -1 for faces before the first name.
        materials: Names in the order of their first use.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    material: NDArray[np.int16]
    materials: tuple[str, ...]


def convert_rig(facekit: Path, out: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Write the rig file of a clone of ICT-FaceKit.

    Args:
        facekit: The clone, or its folder FaceXModel.
        out: The npz file to write.
        progress: Called with (files read, files in all).

    Raises:
        ConfigurationError: Something is missing in the clone, or its files do not fit together; in one line.
        OutputError: ``out`` cannot be written.
    """
    folder = facekit / _MODEL_FOLDER if (facekit / _MODEL_FOLDER).is_dir() else facekit
    missing = [name for name in (NEUTRAL, INDICES) if not (folder / name).is_file()]
    if missing:
        raise ConfigurationError(f"{facekit}: has no {' and no '.join(missing)}; give a clone of ICT-FaceKit")
    identities = sorted(path for path in folder.glob("*.obj") if _IDENTITY.fullmatch(path.stem))
    expressions = sorted(path for path in folder.glob("*.obj") if path not in identities and path.name != NEUTRAL)
    if not identities or not expressions:
        raise ConfigurationError(f"{folder}: has {len(identities)} identities and {len(expressions)} expressions")
    neutral = read_obj(folder / NEUTRAL)
    marks = _landmarks(folder / INDICES, len(neutral.vertices))
    every = [*identities, *expressions]
    deltas = np.empty((len(every), *neutral.vertices.shape), np.float16)
    for number, path in enumerate(every):
        vertices = read_obj(path, faces=False).vertices
        if vertices.shape != neutral.vertices.shape:
            raise ConfigurationError(f"{path}: has {len(vertices)} vertices, but {NEUTRAL} has {len(neutral.vertices)}")
        deltas[number] = vertices - neutral.vertices
        if progress is not None:
            progress(number + 1, len(every))
    with atomic_path(out) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            neutral=neutral.vertices,
            identity_delta=deltas[: len(identities)],
            expression_delta=deltas[len(identities) :],
            expression_name=np.array([path.stem for path in expressions]),
            faces=neutral.faces,
            face_material=neutral.material,
            material_name=np.array(neutral.materials),
            landmark_vertices=marks,
        )


def read_obj(path: Path, *, faces: bool = True) -> Mesh:
    """Read vertices, faces and material names of an OBJ file; all else in it is passed over.

    Args:
        path: The file.
        faces: Whether faces are wanted.

    Raises:
        ConfigurationError: It cannot be read or is damaged; with the line's number.
    """
    vertices: list[tuple[float, ...]] = []
    corners: list[list[int]] = []
    material: list[int] = []
    names: list[str] = []
    current, number = -1, 0
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                number += 1
                kind, *rest = line.split(None, 1) or [""]
                if kind == "v":
                    vertices.append(_vertex(rest))
                elif faces and kind == "usemtl":
                    name = rest[0].strip() if rest else ""
                    if name not in names:
                        names.append(name)
                    current = names.index(name)
                elif faces and kind == "f":
                    corners.append(_corners(rest))
                    material.append(current)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path} line {number}: {error}") from error
    points = np.array(vertices, np.float32).reshape(-1, 3)
    quads = np.array(corners, np.int64).reshape(-1, 4)
    if quads.max(initial=-1) >= len(points):
        raise ConfigurationError(f"{path}: its faces name vertices that it does not have")
    return Mesh(points, quads.astype(np.int32), np.array(material, np.int16), tuple(names))


def _vertex(rest: list[str]) -> tuple[float, ...]:
    """Coordinates from what stands behind a ``v``; a colour may follow them."""
    place = tuple(float(word) for word in " ".join(rest).split()[:3])
    if len(place) < 3 or not all(map(math.isfinite, place)):
        raise ValueError("a vertex needs three numbers")
    return place


def _corners(rest: list[str]) -> list[int]:
    """Vertex numbers from 0 from what stands behind an ``f``: number, number/texture or number/texture/normal."""
    own = [int(corner.partition("/")[0]) - 1 for corner in " ".join(rest).split()]
    if len(own) not in {3, 4}:
        raise ValueError(f"a face has {len(own)} corners; 3 or 4 are wanted")
    if not all(0 <= corner < _MOST_VERTICES for corner in own):
        raise ValueError("a face names a vertex that cannot be; they count from 1")
    return own if len(own) == 4 else [*own, -1]


def _landmarks(path: Path, vertices: int) -> NDArray[np.int32]:
    try:
        marks = np.array(json.loads(path.read_text(encoding="utf-8"))["idx_to_landmark_verts"], np.int32)
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise ConfigurationError(f"{path}: holds no landmarks ({error})") from error
    if marks.shape != (68,) or marks.min() < 0 or marks.max() >= vertices:
        raise ConfigurationError(f"{path}: holds {marks.size} landmarks, but 68 vertices of the mesh are wanted")
    return marks
