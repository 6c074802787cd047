"""Convert the Face Landmarker's two nets to the ONNX files that the package ships.

    python tools/convert_landmarker.py --cache FOLDER

The nets (Google, Apache-2.0) are TensorFlow Lite files in the bundle that tools/landmarker.py fetches; hashes of all are
checked. Their graphs are translated operator by operator, some of these in another form (tools/landmarker_graph.py), so that
nothing but rounding can differ; their weights are float16 there and stay so on disk, with a cast to float32 in the graph, as
there. Needs `onnx` (the extra "train") and, for the schema of TensorFlow Lite files, `ai-edge-litert`
(tools/requirements-evaluate.txt).

What changes on the way: the landmark net takes bytes and divides by 255 itself, works on channels first, and gives points
(N, 478, 3) in pixels of its 256 x 256 input and the presence of a face (N,) after its logistic function; its third output,
which MediaPipe does not use, is gone. The blendshape net gives (52,) as before.

The same bundle holds MediaPipe's canonical face (468 points in cm) and names the 33 of them by which MediaPipe finds how a
head is turned. ``--rigid-points`` prints these, of which src/facefatigue/landmarks/head_pose.py uses 25.

tools/check_landmarker.py compares what comes out with ai-edge-litert and with MediaPipe itself.
"""

from __future__ import annotations

import argparse
import hashlib
import struct
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from facefatigue.errors import FaceFatigueError
from landmarker import fetch
from landmarker_graph import Net, Translation

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE_SHA256 = {
    "face_landmarks_detector.tflite": "c7d54204ce0448474c7f3fa9af494787c0965cbdd6f20fc72867e43046bd43d5",
    "face_blendshapes.tflite": "4f36dded049db18d76048567439b2a7f58f1daabc00d78bfe8f3ad396a2d2082",
    "geometry_pipeline_metadata_landmarks.binarypb": "bdbcda96dfcb7da883da124aaa2c55dee49770d934f0fcc71747f8c21bdc75b4",
}
CANONICAL_POINTS = 468


def convert_points(data: bytes) -> bytes:
    """The landmark net: image (N, 256, 256, 3) uint8 RGB to points (N, 478, 3) and presence (N,)."""
    graph = Translation(Net(data), "channels_first", white=255)
    levels = graph.add("Cast", ["image"], "levels", to=TensorProto.FLOAT)
    graph.add("Transpose", [levels], "channels_first", perm=[0, 3, 1, 2])
    graph.translate(start="channels_first", wanted={0: "points_flat", 1: "presence_logit"})
    graph.add("Reshape", ["points_flat", graph.numbers("points_shape", np.array([-1, 478, 3]))], "points")
    graph.add(
        "Sigmoid", [graph.add("Reshape", ["presence_logit", graph.numbers("flat", np.array([-1]))], "logit")], "presence"
    )
    return graph.model(
        "landmarks",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 256, 256, 3])],
        [
            helper.make_tensor_value_info("points", TensorProto.FLOAT, ["N", 478, 3]),
            helper.make_tensor_value_info("presence", TensorProto.FLOAT, ["N"]),
        ],
    )


def convert_blendshapes(data: bytes) -> bytes:
    """The blendshape net: points (1, 146, 2) in pixels to blendshapes (52,)."""
    graph = Translation(Net(data), "as_is")
    graph.only_first_token()
    graph.translate(start="points", wanted={0: "blendshapes"})
    return graph.model(
        "blendshapes",
        [helper.make_tensor_value_info("points", TensorProto.FLOAT, [1, 146, 2])],
        [helper.make_tensor_value_info("blendshapes", TensorProto.FLOAT, [52])],
    )


def rigid_points(data: bytes) -> list[tuple[int, tuple[float, float, float]]]:
    """The points by which MediaPipe finds the turn of a head: number, and place in the canonical face in cm.

    Args:
        data: The bundle's GeometryPipelineMetadata (mediapipe/tasks/cc/vision/face_geometry/proto): its mesh of vertices
            x, y, z, u, v and its weighted landmarks.
    """
    mesh = next(value for field, value in _fields(data) if field == 1)
    numbers = [struct.unpack("<f", value)[0] for field, value in _fields(mesh) if field == 3]
    vertices = np.array(numbers).reshape(CANONICAL_POINTS, 5)[:, :3]
    points = []
    for landmark in (dict(_fields(value)) for field, value in _fields(data) if field == 2):
        x, y, z = vertices[landmark[1]].tolist()
        points.append((landmark[1], (x, y, z)))
    return points


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Fields of a protocol buffer: integers, or the bytes of anything else."""
    place = 0

    def integer() -> int:
        nonlocal place
        value, shift = 0, 0
        while True:
            byte = message[place]
            value, shift, place = value | (byte & 127) << shift, shift + 7, place + 1
            if byte < 128:
                return value

    while place < len(message):
        key = integer()
        if key & 7 == 0:
            yield key >> 3, integer()
            continue
        length = 4 if key & 7 == 5 else integer()
        yield key >> 3, message[place : place + length]
        place += length


def read_member(bundle: zipfile.ZipFile, name: str) -> bytes:
    """A file of the bundle; stops when it is not the expected one."""
    data = bundle.read(name)
    found = hashlib.sha256(data).hexdigest()
    if found != SOURCE_SHA256[name]:
        sys.exit(f"error: {name}: SHA-256 is {found}, expected {SOURCE_SHA256[name]}")
    return data


def main() -> None:
    """Fetch the bundle and convert its nets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder that the bundle is fetched to")
    default = Path(__file__).parent.parent / "src" / "facefatigue" / "landmarks" / "weights"
    parser.add_argument("--out", type=Path, default=default, help="folder for the two ONNX files")
    parser.add_argument("--rigid-points", action="store_true", help="print the points of the head's turn instead")
    args = parser.parse_args()
    try:
        model = fetch(args.cache)
    except FaceFatigueError as error:
        sys.exit(f"error: {error}")
    with zipfile.ZipFile(model) as bundle:
        if args.rigid_points:
            for number, place in rigid_points(read_member(bundle, "geometry_pipeline_metadata_landmarks.binarypb")):
                print(f"({number}, ({', '.join(f'{value:.6g}' for value in place)})),")
            return
        args.out.mkdir(parents=True, exist_ok=True)
        for name, convert, source in (
            ("landmarks", convert_points, "face_landmarks_detector.tflite"),
            ("blendshapes", convert_blendshapes, "face_blendshapes.tflite"),
        ):
            data = convert(read_member(bundle, source))
            (args.out / f"{name}.onnx").write_bytes(data)
            print(f"{name}.onnx: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
