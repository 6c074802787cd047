"""A model artefact: the folder with config.json, model.safetensors, model.onnx and card.md; needs no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from facefatigue.errors import ModelError
from facefatigue.model.config import ModelConfig

DEFAULT_MODEL = "facefatigue-v1"
CONFIG_FILE = "config.json"
SAFETENSORS_FILE = "model.safetensors"
ONNX_FILE = "model.onnx"
CARD_FILE = "card.md"
ARTEFACT_FILES = (CONFIG_FILE, SAFETENSORS_FILE, ONNX_FILE, CARD_FILE)

ZOO = Path(__file__).with_name("zoo")


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """A complete model folder.

    Attributes:
        folder: The folder.
        config: What its config.json says.
        sha256: SHA-256 of model.onnx, the file that runs by default, as 64 hex digits.
    """

    folder: Path
    config: ModelConfig
    sha256: str

    @property
    def onnx_path(self) -> Path:
        """The network as ONNX: ``clip`` (N, 3, T, H, W) float32 to ``logits`` (N, classes) and ``score`` (N,)."""
        return self.folder / ONNX_FILE

    @property
    def safetensors_path(self) -> Path:
        """The weights by the names of the torch network."""
        return self.folder / SAFETENSORS_FILE

    @property
    def card_path(self) -> Path:
        """The model card, Markdown."""
        return self.folder / CARD_FILE

    def safetensors_sha256(self) -> str:
        """SHA-256 of model.safetensors, as 64 hex digits.

        Raises:
            ModelError: The file cannot be read.
        """
        return _sha256(self.safetensors_path)

    def card_text(self) -> str:
        """The text of the model card.

        Raises:
            ModelError: The file cannot be read.
        """
        try:
            return self.card_path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{self.card_path} cannot be read: {error}") from None


def load_artefact(name_or_path: str | Path) -> Artefact:
    """Find a model, check that its folder is complete, read its configuration and hash what will run.

    Args:
        name_or_path: Name of a shipped model, or path of a model folder. A name wins over a folder that is called the same;
            write ``./name`` for the folder.

    Raises:
        ModelError: There is no such model, or a file is missing, empty or damaged; in one line.
    """
    folder = artefact_folder(name_or_path)
    config = ModelConfig.read(folder / CONFIG_FILE)
    for name in ARTEFACT_FILES:
        if not (folder / name).is_file():
            raise ModelError(f"{folder} is not a complete model: {name} is missing")
        if (folder / name).stat().st_size == 0:
            raise ModelError(f"{folder} is not a complete model: {name} is empty")
    return Artefact(folder=folder, config=config, sha256=_sha256(folder / ONNX_FILE))


def artefact_folder(name_or_path: str | Path) -> Path:
    """The folder of a shipped model's name, or the folder itself.

    Args:
        name_or_path: As for :func:`load_artefact`.

    Raises:
        ModelError: There is no such folder; the text lists the shipped models.
    """
    if isinstance(name_or_path, str) and name_or_path in artefact_names():
        return ZOO / name_or_path
    folder = Path(name_or_path)
    try:
        is_folder, exists = folder.is_dir(), folder.exists()
    except OSError as error:
        raise ModelError(f"{folder} cannot be read: {error.strerror or error}") from None
    if is_folder:
        return folder
    if exists:
        raise ModelError(f"{folder} is a file; give the folder of a model, with {', '.join(ARTEFACT_FILES)}")
    shipped = ", ".join(artefact_names()) or "none"
    raise ModelError(f"there is no model called {str(name_or_path)!r} and no such folder; shipped models: {shipped}")


def artefact_names() -> list[str]:
    """Names of the models that ship with the package, in alphabetical order; reads none of them."""
    return sorted(path.parent.name for path in ZOO.glob(f"*/{CONFIG_FILE}") if not path.parent.name.startswith("."))


def list_artefacts() -> list[Artefact]:
    """The models that ship with the package, in alphabetical order.

    Raises:
        ModelError: One of them is damaged.
    """
    return [load_artefact(name) for name in artefact_names()]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from None
