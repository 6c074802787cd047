"""Finding and checking model folders, without torch."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

import facefatigue.model.artefact as artefact_module
from facefatigue.errors import ModelError
from facefatigue.model.artefact import ARTEFACT_FILES, artefact_names, list_artefacts, load_artefact


@pytest.fixture
def folder(tmp_path, small_config):
    folder = tmp_path / "zoo" / "small"
    folder.mkdir(parents=True)
    for name in ARTEFACT_FILES:
        (folder / name).write_text(f"content of {name}")
    small_config().write(folder / "config.json")
    return folder


@pytest.fixture
def zoo(folder, monkeypatch):
    monkeypatch.setattr(artefact_module, "ZOO", folder.parent)
    return folder.parent


def test_a_folder_is_read_and_hashed(folder, small_config):
    for given in (folder, str(folder)):
        artefact = load_artefact(given)
        assert artefact.config == small_config()
        assert artefact.sha256 == hashlib.sha256(b"content of model.onnx").hexdigest()
        assert artefact.safetensors_sha256() == hashlib.sha256(b"content of model.safetensors").hexdigest()
        assert artefact.card_text() == "content of card.md"
        assert artefact.onnx_path == folder / "model.onnx"


def test_shipped_models_are_found_by_name(zoo):
    (zoo / "unfinished").mkdir()
    assert artefact_names() == ["small"]
    assert [artefact.config.name for artefact in list_artefacts()] == ["small"]
    assert load_artefact("small").folder == zoo / "small"


def test_an_unknown_name_lists_what_there_is(zoo, tmp_path):
    for name in ("smal", "", "../zoo", tmp_path / "nowhere"):
        with pytest.raises(ModelError, match=r"shipped models: small|config\.json"):
            load_artefact(name)


def test_a_path_that_cannot_be_is_a_model_error():
    for path in ("x" * 5000, "a\0b"):
        with pytest.raises(ModelError):
            load_artefact(path)


def test_no_models_at_all(monkeypatch, tmp_path):
    monkeypatch.setattr(artefact_module, "ZOO", tmp_path / "none")
    assert list_artefacts() == []
    with pytest.raises(ModelError, match="shipped models: none"):
        load_artefact(artefact_module.DEFAULT_MODEL)


@pytest.mark.parametrize("name", ARTEFACT_FILES)
def test_a_missing_or_empty_file_is_named(folder, name):
    (folder / name).write_bytes(b"")
    with pytest.raises(ModelError, match=name) as caught:
        load_artefact(folder)
    assert "\n" not in str(caught.value)
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name):
        load_artefact(folder)


def test_a_file_is_not_a_model(folder):
    with pytest.raises(ModelError, match="is a file; give the folder"):
        load_artefact(folder / "model.onnx")


def test_nothing_heavy_is_imported():
    code = (
        "import sys, facefatigue, facefatigue.model.config, facefatigue.model.artefact, facefatigue.engine\n"
        "import facefatigue.cli.models, facefatigue.cli.export\n"
        "heavy = {'torch', 'onnx', 'onnxruntime', 'openvino', 'safetensors'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
