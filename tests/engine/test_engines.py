"""Engines: they agree, refuse what they cannot take, and say what is missing."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from facefatigue.engine import ENGINES, open_engine
from facefatigue.engine.interface import checked_output, usable_threads
from facefatigue.errors import ConfigurationError, MissingExtraError, ModelError, UsageError
from facefatigue.model.artefact import Artefact, load_artefact
from facefatigue.model.config import ModelConfig
from facefatigue.model.export import write_artefact
from facefatigue.model.network import FatigueNet

REAL = ("onnxruntime", "openvino", "torch")


def make(folder, **settings) -> Artefact:
    config = ModelConfig(name="small", version="1", licence="CC0-1.0", training_data="none", metrics={}, **settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = FatigueNet(config)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm3d):
                torch.nn.init.uniform_(module.weight, 0.5, 1.5)
        torch.nn.init.normal_(network.head.weight, std=0.5)
    return write_artefact(network, config, folder, "# card").artefact


@pytest.fixture(scope="module")
def artefact(tmp_path_factory) -> Artefact:
    return make(tmp_path_factory.mktemp("models") / "small", first_channel=8, frames=8, size_px=32)


@pytest.fixture(scope="module")
def real_shape(tmp_path_factory) -> Artefact:
    """The shape of the shipped model: width 16, 112 px, 32 frames."""
    return make(tmp_path_factory.mktemp("models") / "real", first_channel=16, frames=32, size_px=112)


def clips(artefact: Artefact, count: int) -> np.ndarray:
    return np.random.default_rng(count).uniform(-1, 1, (count, *artefact.config.clip_shape)).astype(np.float32)


@pytest.fixture
def missing(monkeypatch):
    """A function that makes a library look uninstalled."""
    return lambda *libraries: [monkeypatch.setitem(sys.modules, library, None) for library in libraries]


def test_all_engines_agree_in_f32(real_shape):
    clip = clips(real_shape, 2)
    outputs = {}
    for name in REAL:
        engine = open_engine(real_shape, engine=name, precision="f32", threads=2)
        assert engine.name == name
        outputs[name] = engine.run(clip)
        engine.close()
    assert np.ptp(outputs["torch"].logits) > 0.5
    for output in outputs.values():
        assert (output.logits.shape, output.score.shape) == ((2, 10), (2,))
        assert output.logits.dtype == output.score.dtype == np.float32
        np.testing.assert_allclose(output.logits, outputs["torch"].logits, atol=1e-3)
        np.testing.assert_allclose(output.score, outputs["torch"].score, atol=1e-3)


def test_bf16_stays_within_a_hundredth_of_the_score(real_shape):
    try:
        fast = open_engine(real_shape, engine="openvino", precision="bf16")
    except ConfigurationError:
        pytest.skip("this CPU does not compute in bf16")
    assert fast.name == open_engine(real_shape).name == "openvino-bf16"
    exact = open_engine(real_shape, engine="openvino", precision="f32")
    clip = clips(real_shape, 4)
    np.testing.assert_allclose(fast.run(clip).score, exact.run(clip).score, atol=0.01)


@pytest.mark.parametrize("name", REAL)
def test_a_clip_scores_the_same_in_any_company(artefact, name):
    engine = open_engine(artefact, engine=name, precision="f32")
    clip = clips(artefact, 3)
    together, alone = engine.run(clip), [engine.run(clip[index : index + 1]) for index in range(3)]
    np.testing.assert_allclose(together.logits, np.concatenate([output.logits for output in alone]), atol=1e-5)
    before = together.logits.copy()
    engine.run(-clip)
    np.testing.assert_array_equal(together.logits, before)


@pytest.mark.parametrize("name", REAL)
def test_a_strided_clip_is_taken_and_left_alone(artefact, name):
    frames = np.ascontiguousarray(clips(artefact, 1).transpose(0, 2, 3, 4, 1))
    frames.flags.writeable = False
    engine = open_engine(artefact, engine=name, precision="f32")
    strided = engine.run(frames.transpose(0, 4, 1, 2, 3))
    np.testing.assert_array_equal(strided.logits, engine.run(clips(artefact, 1)).logits)


@pytest.mark.parametrize("name", REAL)
def test_an_engine_runs_in_another_thread(artefact, name):
    engine = open_engine(artefact, engine=name, precision="f32")
    found = []
    thread = threading.Thread(target=lambda: found.append(engine.run(clips(artefact, 1)).score))
    thread.start()
    thread.join()
    np.testing.assert_allclose(found[0], engine.run(clips(artefact, 1)).score, atol=1e-6)


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((1, 3, 8, 32, 32)),
        np.zeros((1, 3, 8, 32, 32), np.uint8),
        np.zeros((3, 8, 32, 32), np.float32),
        np.zeros((1, 8, 32, 32, 3), np.float32),
        np.zeros((1, 3, 9, 32, 32), np.float32),
        np.zeros((0, 3, 8, 32, 32), np.float32),
        [[1.0]],
    ],
    ids=lambda wrong: f"{np.shape(wrong)}",
)
def test_other_clips_are_refused(artefact, name, wrong):
    with pytest.raises(UsageError, match=r"small takes .*\(N, 3, 8, 32, 32\) float32"):
        open_engine(artefact, engine=name).run(wrong)


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("value", [np.nan, np.inf, 255.0, -2.0])
def test_values_outside_the_range_are_refused(artefact, name, value):
    clip = clips(artefact, 2)
    clip[1, 2, 3, 4, 5] = value
    with pytest.raises(UsageError, match=r"takes \[-1, 1\]"):
        open_engine(artefact, engine=name).run(clip)


def test_numbers_that_are_not_finite_are_never_scores(artefact):
    for logits, score in ((np.full((1, 10), np.nan), np.zeros(1)), (np.zeros((1, 10)), np.full(1, np.inf))):
        with pytest.raises(ModelError, match="not finite"):
            checked_output(logits, score, clips=1, config=artefact.config)


@pytest.mark.parametrize("name", REAL)
def test_a_closed_engine_says_so(artefact, name):
    engine = open_engine(artefact, engine=name)
    engine.close()
    engine.close()
    with pytest.raises(UsageError, match="closed"):
        engine.run(clips(artefact, 1))


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("damage", ["text", "half", "zeros"])
def test_damaged_weights_are_one_line(artefact, tmp_path, name, damage):
    folder = tmp_path / "damaged"
    folder.mkdir()
    for path in artefact.folder.iterdir():
        content = path.read_bytes()
        if path.suffix in (".onnx", ".safetensors"):
            content = {"text": b"hello\n", "half": content[: len(content) // 2], "zeros": bytes(1000)}[damage]
        (folder / path.name).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        open_engine(load_artefact(folder), engine=name)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("name", REAL)
def test_weights_of_another_network_are_refused(artefact, real_shape, name):
    mixed = Artefact(folder=real_shape.folder, config=artefact.config, sha256=real_shape.sha256)
    with pytest.raises(ModelError):
        open_engine(mixed, engine=name).run(clips(artefact, 1))


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [("onnxruntime", "onnxruntime", "all"), ("openvino", "openvino", "openvino"), ("torch", "torch", "train")],
)
def test_a_missing_library_names_its_extra(artefact, missing, name, library, extra):
    missing(library)
    with pytest.raises(MissingExtraError, match=rf"pip install 'facefatigue\[{extra}\]'"):
        open_engine(artefact, engine=name)


def test_auto_takes_the_fastest_that_is_installed(artefact, missing):
    assert open_engine(artefact).name.startswith("openvino")
    missing("openvino")
    assert open_engine(artefact).name == "onnxruntime"
    with pytest.raises(MissingExtraError, match=r"\[openvino\]"):
        open_engine(artefact, precision="bf16")
    missing("onnxruntime")
    assert open_engine(artefact).name == "torch"
    missing("torch")
    with pytest.raises(MissingExtraError):
        open_engine(artefact)


def test_senseless_choices_are_usage_errors(artefact):
    assert set(ENGINES) == {"auto", *REAL}
    for choice in (
        {"engine": "tensorrt"},
        {"precision": "f16"},
        {"engine": "torch", "precision": "bf16"},
        {"engine": "onnxruntime", "threads": 0},
    ):
        with pytest.raises(UsageError):
            open_engine(artefact, **choice)
    assert usable_threads(None) >= 1


def test_torch_threads_are_put_back(artefact):
    before = torch.get_num_threads()
    open_engine(artefact, engine="torch", threads=1).run(clips(artefact, 1))
    assert torch.get_num_threads() == before


def test_openvino_stays_off_the_network():
    code = (
        "import sys\n"
        "from facefatigue.offline import import_openvino\n"
        "import_openvino()\n"
        "import openvino\n"
        "sys.exit(', '.join(name for name in sys.modules if name.startswith('openvino_telemetry')) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
