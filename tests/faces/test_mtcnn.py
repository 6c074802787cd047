import json

import av
import numpy as np
import pytest
from PIL import Image

import facefatigue
from facefatigue.errors import ModelError
from facefatigue.faces import Mtcnn, detect_faces
from facefatigue.faces import mtcnn as mtcnn_module
from facefatigue.faces.boxes import calibrate, overlap, squared, suppress
from facefatigue.faces.resample import AreaSampler, sample_boxes


@pytest.fixture(scope="module")
def detector() -> Mtcnn:
    return Mtcnn()


@pytest.fixture(scope="module")
def portrait(sample) -> np.ndarray:
    """A frame of the shipped sample: one rendered face."""
    with av.open(str(sample)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def test_equals_the_reference_detector(shared, detector: Mtcnn) -> None:
    folder = shared / "parity" / "mtcnn"
    for name, entry in json.loads((folder / "expected.json").read_text()).items():
        rgb = np.asarray(Image.open(folder / f"{name}.png").convert("RGB"))
        faces = detector.detect(rgb)
        assert len(faces) == len(entry["boxes"]), name
        if not faces:
            continue
        agreement = overlap(np.array(entry["boxes"]), np.array([face.box for face in faces]))
        for index, other in enumerate(agreement.argmax(axis=1)):
            assert agreement[index, other] >= 0.99, name  # asked for: 0.95
            off_px = np.hypot(*(np.array(entry["landmarks"][index]) - faces[other].landmarks).T)
            assert off_px.mean() <= 0.1, name  # asked for: 1 px
            assert faces[other].probability == pytest.approx(entry["probabilities"][index], abs=1e-3)


def test_finds_the_rendered_face(detector: Mtcnn, portrait: np.ndarray) -> None:
    faces = detector.detect(portrait)
    assert len(faces) == 1
    left, right, nose, mouth_left, mouth_right = faces[0].landmarks
    assert left[0] < nose[0] < right[0]
    assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])
    assert faces[0].size_px > 60


def test_bounded_search_finds_the_same_face_in_a_huge_frame(detector: Mtcnn, portrait: np.ndarray) -> None:
    height, width = portrait.shape[:2]
    big = np.asarray(Image.fromarray(portrait).resize((width * 6, height * 6), Image.Resampling.BICUBIC))
    (small,), (large,) = detector.detect(portrait), detector.detect(big, max_side_px=640, min_face_px=40)
    assert float(overlap(small.box[None] * 6, large.box[None])[0, 0]) > 0.8
    assert np.abs(small.landmarks * 6 - large.landmarks).mean() < 0.1 * large.eye_distance_px


def test_refining_stays_on_the_face(detector: Mtcnn, portrait: np.ndarray) -> None:
    (face,) = detector.detect(portrait)
    box = face.box + 0.1 * face.size_px
    for _ in range(30):
        (refined,) = detector.refine(portrait, box[None], threshold=0.7)
        assert refined is not None
        box = refined.box
    assert float(overlap(face.box[None], box[None])[0, 0]) > 0.75
    assert detector.refine(portrait, np.empty((0, 4))) == []


def test_refining_where_there_is_no_face(detector: Mtcnn) -> None:
    boxes = np.array([[10.0, 10, 60, 60], [-500, -500, -400, -400], [-1e7, 0, 1e7, 1e5], [90, 90, 90, 90]])
    assert detector.refine(np.full((100, 100, 3), 128, np.uint8), boxes, threshold=0.7) == [None] * 4


@pytest.mark.parametrize("shape", [(480, 640), (16, 16), (8, 300), (1, 1), (11, 500)])
def test_pictures_without_faces(detector: Mtcnn, shape: tuple[int, int]) -> None:
    assert detector.detect(np.zeros((*shape, 3), np.uint8)) == []
    noise = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    assert [face for face in detector.detect(noise) if face.probability > 0.95] == []


def test_detect_faces_checks_its_input_and_sorts_by_size(portrait: np.ndarray) -> None:
    half = np.asarray(Image.fromarray(portrait).resize((portrait.shape[1] // 2, portrait.shape[0] // 2)))
    canvas = np.full((portrait.shape[0], portrait.shape[1] + half.shape[1], 3), 127, np.uint8)
    canvas[: half.shape[0], : half.shape[1]] = half
    canvas[:, half.shape[1] :] = portrait
    faces = facefatigue.detect_faces(canvas)
    assert len(faces) == 2
    assert faces[0].size_px > 1.5 * faces[1].size_px
    for wrong in (
        portrait.astype(np.float32),
        portrait[..., 0],
        np.empty((0, 5, 3), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
    ):
        with pytest.raises(ValueError, match="uint8 RGB"):
            detect_faces(wrong)


def test_damaged_weights_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mtcnn_module.WEIGHTS_SHA256, "rnet", "0" * 64)
    with pytest.raises(ModelError, match=r"rnet\.onnx"):
        Mtcnn()


def test_area_averages_are_exact() -> None:
    image = np.random.default_rng(2).integers(0, 256, (50, 70, 3), np.uint8)
    out = AreaSampler(image).resize(31, 13)
    for row in (0, 5, 12):
        for column in (0, 17, 30):
            top, bottom = row * 50 // 13, -(-(row + 1) * 50 // 13)
            left, right = column * 70 // 31, -(-(column + 1) * 70 // 31)
            np.testing.assert_allclose(out[row, column], image[top:bottom, left:right].mean(axis=(0, 1)), rtol=1e-5)
    white = np.full((5000, 40, 3), 255, np.uint8)
    np.testing.assert_array_equal(AreaSampler(white).resize(1, 1), 255)


def test_boxes_beyond_the_frame_are_stretched_or_padded() -> None:
    white = np.full((40, 40, 3), 255, np.uint8)
    box = np.array([[-19.0, 1, 20, 40]])  # its left half lies outside
    stretched, padded = (sample_boxes(white, box, 8, stretch=s)[0] for s in (True, False))
    assert stretched.min() == 255
    assert padded[:, :3].max() == 0
    assert padded[:, 5:].min() == 255


def test_box_arithmetic() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 80], [2, 2, 5, 5]])
    scores = np.array([0.8, 0.9, 0.7, 0.95])
    assert suppress(boxes, scores, 0.5).tolist() == [3, 1, 2]
    assert suppress(boxes, scores, 0.7, "smaller").tolist() == [3, 2]
    assert overlap(boxes[:1], boxes[1:2])[0, 0] == pytest.approx(81 / 119)
    np.testing.assert_allclose(squared(boxes[2:3]), [[40, 50, 70, 80]])
    moved = calibrate(boxes[:1], np.array([[0.1, -0.1, 0, 0.5]]))
    np.testing.assert_allclose(moved, [[1, -1, 10, 15]])
    assert suppress(np.empty((0, 4)), np.empty(0), 0.5).size == 0
