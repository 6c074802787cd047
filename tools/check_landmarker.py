"""Compare the shipped landmark nets with the runtimes that their makers use.

    python tools/check_landmarker.py litert --cache FOLDER [VIDEO ...]
    python tools/check_landmarker.py mediapipe --cache FOLDER [VIDEO ...]

`litert` runs the original nets by ai-edge-litert (tools/requirements-evaluate.txt) on the very pictures that the converted
ones get: generated patterns, and faces of the videos (without one: of the shipped sample). `mediapipe` runs MediaPipe's own
graphs, their sampling of the picture included, on the same squares of the same frames; it needs an environment with
`mediapipe==0.10.21` and facefatigue. Differences are in pixels of the nets' 256 x 256 input, and in blendshapes of 0 to 1.

``--reference FILE`` with `litert` also writes what ai-edge-litert reads from patterns and frames of the sample: the numbers
of tests/landmarks/litert.npz.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from facefatigue import sample_video
from facefatigue.errors import FaceFatigueError
from facefatigue.faces import Mtcnn
from facefatigue.faces.align import warp
from facefatigue.landmarks import FaceReading, Landmarker
from facefatigue.landmarks.landmarker import BLENDSHAPE_POINTS, INPUT_PX
from facefatigue.landmarks.region import Region, region_of_face, region_of_points
from facefatigue.video import open_video
from landmarker import fetch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

PATTERNS = 40
FRAMES_APART, FRAMES_EACH = 40, 6
# Frames of the sample that the tests look at: eyes open, a yawn, eyes shut.
SAMPLE_FRAMES = (0, 280, 440)
_GRAPH = """
    input_stream: "image" input_stream: "rect"
    output_stream: "landmarks" output_stream: "score" output_stream: "blendshapes"
    node {{
      calculator: "mediapipe.tasks.vision.face_landmarker.SingleFaceLandmarksDetectorGraph"
      input_stream: "IMAGE:image" input_stream: "NORM_RECT:rect"
      output_stream: "NORM_LANDMARKS:landmarks" output_stream: "PRESENCE_SCORE:score"
      options {{ [mediapipe.tasks.vision.face_landmarker.proto.FaceLandmarksDetectorGraphOptions.ext] {{
        base_options {{ model_asset {{ file_name: "{folder}/face_landmarks_detector.tflite" }} }}
        min_detection_confidence: 0.5
      }} }}
    }}
    node {{ calculator: "ImagePropertiesCalculator" input_stream: "IMAGE:image" output_stream: "SIZE:size" }}
    node {{
      calculator: "mediapipe.tasks.vision.face_landmarker.FaceBlendshapesGraph"
      input_stream: "LANDMARKS:landmarks" input_stream: "IMAGE_SIZE:size" output_stream: "BLENDSHAPES:blendshapes"
      options {{ [mediapipe.tasks.vision.face_landmarker.proto.FaceBlendshapesGraphOptions.ext] {{
        base_options {{ model_asset {{ file_name: "{folder}/face_blendshapes.tflite" }} }}
      }} }}
    }}
"""


def pattern(seed: int) -> NDArray[np.uint8]:
    """(256, 256, 3) uint8 random squares, the same on every machine."""
    tiles = 2 ** (1 + seed % 8)  # from 2 x 2 squares to single pixels
    coarse = np.random.default_rng(seed).integers(0, 256, (tiles, tiles, 3), np.uint8)
    return coarse.repeat(INPUT_PX // tiles, axis=0).repeat(INPUT_PX // tiles, axis=1)


class LiteRt:
    """The original nets in ai-edge-litert.

    Args:
        bundle: The file that tools/landmarker.py fetches.
    """

    def __init__(self, bundle: Path) -> None:
        interpreter = importlib.import_module("ai_edge_litert.interpreter").Interpreter
        with zipfile.ZipFile(bundle) as members:
            self._points, self._shapes = (
                interpreter(model_content=members.read(f"{name}.tflite"), num_threads=1)
                for name in ("face_landmarks_detector", "face_blendshapes")
            )
        for net in (self._points, self._shapes):
            net.allocate_tensors()

    def read(self, rgb: NDArray[np.uint8], region: Region) -> FaceReading:
        """Look into one square of a frame; points are in pixels of the frame."""
        matrix = region.matrix(INPUT_PX)
        crop = warp(rgb, matrix, INPUT_PX, resampling=Image.Resampling.BILINEAR)
        inside, logit, *_ = _run(self._points, crop[None].astype(np.float32) / np.float32(255))
        points = inside.reshape(-1, 3).copy()
        points[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        points[:, 2] *= region.side_px / INPUT_PX
        (shapes, *_) = _run(self._shapes, np.ascontiguousarray(points[None, list(BLENDSHAPE_POINTS), :2]))
        return FaceReading(float(1 / (1 + np.exp(-logit.reshape(())))), points, shapes.reshape(-1).copy())


def _run(net: Any, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    net.set_tensor(net.get_input_details()[0]["index"], tensor)
    net.invoke()
    return [net.get_tensor(output["index"]) for output in net.get_output_details()]


class MediaPipe:
    """MediaPipe's own graphs around the same nets, for a given square.

    Args:
        bundle: The file that tools/landmarker.py fetches.
    """

    def __init__(self, bundle: Path) -> None:
        graphs = importlib.import_module("mediapipe.python._framework_bindings.calculator_graph")
        # Imported for the options that the text of the graph names.
        options = "mediapipe.tasks.cc.vision.face_landmarker.proto"
        for name in ("face_landmarks_detector", "face_blendshapes"):
            importlib.import_module(f"{options}.{name}_graph_options_pb2")
        protocol = importlib.import_module("google.protobuf.text_format")
        config = importlib.import_module("mediapipe.framework.calculator_pb2").CalculatorGraphConfig()
        self._creator = importlib.import_module("mediapipe.python.packet_creator")
        self._getter = importlib.import_module("mediapipe.python.packet_getter")
        self._rect = importlib.import_module("mediapipe.framework.formats.rect_pb2").NormalizedRect
        self._srgb = importlib.import_module("mediapipe").ImageFormat.SRGB
        self._seen: dict[str, Any] = {}
        self._clock = 0
        with TemporaryDirectory() as folder, zipfile.ZipFile(bundle) as members:
            members.extractall(folder)
            protocol.Parse(_GRAPH.format(folder=folder), config)
            self._graph = graphs.CalculatorGraph(graph_config=config)
            for stream in ("landmarks", "score", "blendshapes"):
                self._graph.observe_output_stream(stream, self._seen.__setitem__)
            self._graph.start_run()
            self._graph.wait_until_idle()  # until the files are read

    def read(self, rgb: NDArray[np.uint8], region: Region) -> FaceReading | None:
        """Look into one square of a frame; points are in pixels of the frame. None where MediaPipe sees no face."""
        height, width = rgb.shape[:2]
        rect = self._rect(
            x_center=region.centre_x_px / width, y_center=region.centre_y_px / height,
            width=region.side_px / width, height=region.side_px / height, rotation=region.turn_rad,
        )  # fmt: skip
        self._seen.clear()
        self._clock += 1000
        image = self._creator.create_image(np.ascontiguousarray(rgb), image_format=self._srgb)
        self._graph.add_packet_to_input_stream("image", image.at(self._clock))
        self._graph.add_packet_to_input_stream("rect", self._creator.create_proto(rect).at(self._clock))
        self._graph.wait_until_idle()
        if "landmarks" not in self._seen or self._seen["landmarks"].is_empty():
            return None
        marks = self._getter.get_proto(self._seen["landmarks"]).landmark
        points = np.array([(mark.x * width, mark.y * height, mark.z * width) for mark in marks])
        # MediaPipe scales the depth in a turned square by what its upper side measures in shares of the frame's two sides.
        points[:, 2] /= np.hypot(np.cos(region.turn_rad), np.sin(region.turn_rad) * width / height)
        shapes = self._getter.get_proto(self._seen["blendshapes"]).classification
        scores = np.array([shape.score for shape in sorted(shapes, key=lambda shape: shape.index)], np.float32)
        return FaceReading(self._getter.get_float(self._seen["score"]), points.astype(np.float32), scores)


@dataclass
class Differences:
    """Largest and mean differences of readings, in pixels of the nets' input and in blendshapes."""

    readings: int = 0
    points: float = 0.0
    depth: float = 0.0
    presence: float = 0.0
    blendshapes: float = 0.0
    mean_points: float = 0.0
    mean_blendshapes: float = 0.0

    def add(self, ours: FaceReading, other: FaceReading, side_px: float) -> None:
        """Take in a pair of readings of one square."""
        apart = np.abs(ours.points - other.points) * (INPUT_PX / side_px)
        shapes = np.abs(ours.blendshapes - other.blendshapes)
        self.readings += 1
        self.points = max(self.points, float(apart[:, :2].max()))
        self.depth = max(self.depth, float(apart[:, 2].max()))
        self.presence = max(self.presence, abs(ours.presence - other.presence))
        self.blendshapes = max(self.blendshapes, float(shapes.max()))
        self.mean_points += (float(apart[:, :2].mean()) - self.mean_points) / self.readings
        self.mean_blendshapes += (float(shapes.mean()) - self.mean_blendshapes) / self.readings

    def __str__(self) -> str:
        return (
            f"{self.readings:4d} readings: points at most {self.points:.4f} px, on average {self.mean_points:.4f};"
            f" depth {self.depth:.4f}; presence {self.presence:.1e};"
            f" blendshapes at most {self.blendshapes:.1e}, on average {self.mean_blendshapes:.1e}"
        )


def faces_of(video: Path, landmarker: Landmarker) -> Iterator[tuple[NDArray[np.uint8], Region]]:
    """Frames of a video with the squares around up to two faces in each, as from their own points a frame before."""
    detector = Mtcnn()
    with open_video(video) as frames:
        for index, frame in enumerate(frames):
            if index >= FRAMES_APART * FRAMES_EACH:
                break
            if index % FRAMES_APART:
                continue
            for face in detector.detect(frame.rgb, min_face_px=40, max_side_px=640)[:2]:
                try:
                    first = landmarker.read(frame.rgb, region_of_face(face))
                except ValueError:
                    continue
                region = region_of_points(first.points)
                if landmarker.read(frame.rgb, region).presence >= 0.5:
                    yield frame.rgb, region


def sample_frames() -> list[NDArray[np.uint8]]:
    """The frames of the shipped sample that the tests look at."""
    with open_video(sample_video()) as frames:
        return [frame.rgb for index, frame in enumerate(frames) if index in SAMPLE_FRAMES]


def whole(side_px: int) -> Region:
    """A whole picture of the nets' input, unchanged."""
    return Region(side_px / 2, side_px / 2, side_px, 0.0)


def write_reference(path: Path, reference: LiteRt, landmarker: Landmarker) -> None:
    """Write what ai-edge-litert reads from the patterns and from the sample."""
    readings = [reference.read(pattern(seed), whole(INPUT_PX)) for seed in range(8)]
    regions = []
    for rgb in sample_frames():
        face = max(Mtcnn().detect(rgb), key=lambda found: found.size_px)
        region = region_of_points(landmarker.read(rgb, region_of_face(face)).points)
        rounded = Region(
            round(region.centre_x_px), round(region.centre_y_px), round(region.side_px), round(region.turn_rad, 2)
        )
        regions.append((rounded.centre_x_px, rounded.centre_y_px, rounded.side_px, rounded.turn_rad))
        readings.append(reference.read(rgb, rounded))
    np.savez_compressed(
        path,
        regions=np.array(regions),
        points=np.stack([reading.points for reading in readings]),
        presence=np.array([reading.presence for reading in readings]),
        blendshapes=np.stack([reading.blendshapes for reading in readings]),
    )


def compare(reference: LiteRt | MediaPipe, landmarker: Landmarker, videos: Iterable[Path]) -> None:
    """Print the differences, over the patterns and over all videos together."""
    if isinstance(reference, LiteRt):
        found = Differences()
        for seed in range(PATTERNS):
            found.add(
                landmarker.read(pattern(seed), whole(INPUT_PX)), reference.read(pattern(seed), whole(INPUT_PX)), INPUT_PX
            )
        print(f"patterns {found}")
    found, unseen = Differences(), 0
    for video in videos:
        here = Differences()
        for rgb, region in faces_of(video, landmarker):
            other = reference.read(rgb, region)
            if other is None:
                unseen += 1
                continue
            for differences in (here, found):
                differences.add(landmarker.read(rgb, region), other, region.side_px)
        print(f"{video.name:<26} {here}")
    print(f"all videos {found}; {unseen} not seen by the other")


def main() -> None:
    """Compare, as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runtime", choices=("litert", "mediapipe"))
    parser.add_argument("videos", type=Path, nargs="*")
    parser.add_argument("--cache", type=Path, required=True, help="folder that the bundle is fetched to")
    parser.add_argument("--reference", type=Path, help="file that the tests' numbers are written to")
    args = parser.parse_intermixed_args()
    try:
        bundle, landmarker = fetch(args.cache), Landmarker()
        reference = LiteRt(bundle) if args.runtime == "litert" else MediaPipe(bundle)
        if args.reference:
            if not isinstance(reference, LiteRt):
                parser.error("--reference goes with litert")
            write_reference(args.reference, reference, landmarker)
            return
        compare(reference, landmarker, args.videos or [sample_video()])
    except (FaceFatigueError, ImportError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
