"""``facefatigue doctor``: what is installed, and whether it works."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue._version import __version__
from facefatigue.errors import EXIT_OK, FaceFatigueError, ModelError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

LIBRARIES = ("numpy", "av", "onnxruntime", "pillow", "matplotlib", "jinja2", "tqdm", "shtab")
EXTRAS = {
    "openvino": "openvino",
    "torch": "train",
    "safetensors": "train",
    "onnx": "train",
    "numba": "train",
    "pandas": "dataframe",
    "pyarrow": "data",
    "pingouin": "data",
    "krippendorff": "data",
    "fastapi": "studio",
    "uvicorn": "studio",
    "sqlalchemy": "studio",
    "alembic": "studio",
    "argon2-cffi": "studio",
    "itsdangerous": "studio",
    "cryptography": "studio",
    "psycopg": "postgresql",
}


@dataclass(frozen=True)
class Check:
    """One line of the examination; ``ok`` is None for what is merely optional and absent."""

    name: str
    ok: bool | None
    detail: str


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "doctor",
        help="versions, engines, cameras, weights: what is installed, and whether it works",
        description="Examine the installation: versions, engines (each runs one clip), cameras, and the weights' hashes.",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine everything; exit code 5 when the weights are not in order."""
    checks = [*_versions(), *_detector(), *_landmarker(), *_blinks(), *_models(), *_engines(), *_cameras()]
    if args.json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            mark = {True: "ok", False: "FAULT", None: "-"}[check.ok]
            print(f"{mark:>5}  {check.name:<{width}}  {check.detail}")
    return ModelError.exit_code if any(check.ok is False for check in checks) else EXIT_OK


def _versions() -> Iterator[Check]:
    yield Check("facefatigue", ok=True, detail=__version__)
    yield Check("python", ok=sys.version_info >= (3, 11), detail=f"{platform.python_version()} on {platform.platform()}")
    for library in LIBRARIES:
        yield _version(library, None)
    for library, extra in EXTRAS.items():
        yield _version(library, extra)


def _version(library: str, extra: str | None) -> Check:
    try:
        return Check(library, ok=True, detail=importlib.metadata.version(library))
    except importlib.metadata.PackageNotFoundError:
        if extra is None:
            return Check(library, ok=False, detail="missing; reinstall facefatigue")
        return Check(library, ok=None, detail=f"not installed (pip install 'facefatigue[{extra}]')")


def _detector() -> Iterator[Check]:
    from facefatigue.faces.mtcnn import WEIGHTS_SHA256, Mtcnn

    try:
        Mtcnn()
    except FaceFatigueError as error:
        yield Check("face detector", ok=False, detail=str(error))
    else:
        hashes = ", ".join(f"{net} {digest[:12]}" for net, digest in WEIGHTS_SHA256.items())
        yield Check("face detector", ok=True, detail=f"weights as shipped ({hashes})")


def _landmarker() -> Iterator[Check]:
    from facefatigue.landmarks.landmarker import WEIGHTS_SHA256, Landmarker

    try:
        Landmarker()
    except FaceFatigueError as error:
        yield Check("face landmarks", ok=False, detail=str(error))
    else:
        hashes = ", ".join(f"{net} {digest[:12]}" for net, digest in WEIGHTS_SHA256.items())
        yield Check("face landmarks", ok=True, detail=f"weights as shipped ({hashes})")


def _blinks() -> Iterator[Check]:
    from facefatigue.signs.blink_fatigue import BlinkFatigue

    try:
        model = BlinkFatigue()
    except FaceFatigueError as error:
        yield Check("blink estimate", ok=False, detail=str(error))
    else:
        yield Check("blink estimate", ok=True, detail=f"weights readable ({', '.join(model.variants)})")


def _models() -> Iterator[Check]:
    from facefatigue.model.artefact import artefact_names, load_artefact

    for name in artefact_names():
        try:
            artefact = load_artefact(name)
        except FaceFatigueError as error:
            yield Check(f"model {name}", ok=False, detail=str(error))
            continue
        detail = f"{artefact.config.licence}, model.onnx sha256 {artefact.sha256[:12]}"
        yield Check(f"model {artefact.config.name}", ok=True, detail=detail)


def _engines() -> Iterator[Check]:
    import numpy as np

    from facefatigue.engine import open_engine
    from facefatigue.errors import MissingExtraError
    from facefatigue.model.artefact import DEFAULT_MODEL, load_artefact

    try:
        artefact = load_artefact(DEFAULT_MODEL)
    except FaceFatigueError as error:
        yield Check("engines", ok=False, detail=str(error))
        return
    clip = np.zeros((1, *artefact.config.clip_shape), np.float32)
    for name in ("onnxruntime", "openvino", "torch"):
        try:
            engine = open_engine(artefact, engine=name)
            engine.run(clip)
            start_s = time.perf_counter()
            engine.run(clip)
            taken_ms = 1000 * (time.perf_counter() - start_s)
            engine.close()
        except MissingExtraError as error:
            yield Check(f"engine {name}", ok=None, detail=str(error))
        except FaceFatigueError as error:
            yield Check(f"engine {name}", ok=False, detail=str(error))
        else:
            yield Check(
                f"engine {name}", ok=True, detail=f"{engine.name}: one {artefact.config.name} clip in {taken_ms:.0f} ms"
            )


def _cameras() -> Iterator[Check]:
    if not sys.platform.startswith("linux"):
        yield Check("cameras", ok=None, detail="not listed on this system; try: facefatigue predict 0 --duration 10")
        return
    devices = sorted(Path("/dev").glob("video*"), key=lambda path: path.name)
    if not devices:
        yield Check("cameras", ok=None, detail="none found")
    for device in devices:
        label = Path("/sys/class/video4linux") / device.name / "name"
        name = label.read_text(encoding="utf-8").strip() if label.exists() else "unnamed"
        yield Check(f"camera {device.name.removeprefix('video')}", ok=True, detail=f"{device} ({name})")
