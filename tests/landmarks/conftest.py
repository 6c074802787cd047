"""The nets, frames of the rendered sample, and the optional original bundle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facefatigue.faces import Mtcnn
from facefatigue.landmarks import Landmarker
from facefatigue.video import open_video

if TYPE_CHECKING:
    import numpy as np

    from facefatigue.faces import Face

OPEN, YAWN, SHUT = 0, 280, 440  # as in tools/check_landmarker.py


@pytest.fixture(scope="session")
def landmarker() -> Landmarker:
    return Landmarker()


@pytest.fixture(scope="session")
def frames(sample: Path) -> dict[int, np.ndarray]:
    """Three frames of the sample, a rendered (synthetic) person: eyes open, a yawn, eyes shut."""
    with open_video(sample) as video:
        return {index: frame.rgb for index, frame in enumerate(video) if index in {OPEN, YAWN, SHUT}}


@pytest.fixture(scope="session")
def portrait(frames: dict[int, np.ndarray]) -> np.ndarray:
    return frames[OPEN]


@pytest.fixture(scope="session")
def face(portrait: np.ndarray) -> Face:
    (found,) = Mtcnn().detect(portrait, min_face_px=60)
    return found


@pytest.fixture(scope="session")
def bundle() -> Path:
    """Google's bundle where `tools/landmarker.py fetch` has put it; tests never fetch it."""
    caches = os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")
    default = Path(caches) / "facefatigue-evaluate" / "face_landmarker.task"
    path = Path(os.environ.get("FACEFATIGUE_FACE_LANDMARKER", default))
    if not path.is_file():
        pytest.skip("no face_landmarker.task (tools/landmarker.py fetch, or FACEFATIGUE_FACE_LANDMARKER=path)")
    return path
