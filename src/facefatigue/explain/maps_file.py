"""The raw maps on disk, as NPZ: written window by window, read map by map, so that memory does not grow with a video."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Self

import numpy as np

from facefatigue.explain.drawing import on_drawn_face

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.explain.sheet import ExplainedWindow

KEY = "{number:04d}.{what}"
DRAWN = "drawn"


class MapsFile:
    """Writes ``.npz``; a context manager that ends the file.

    For window number n, from 0000: ``n.time_s`` (T,) float64; ``n.METHOD`` (T, H, W) float32, the signed values;
    ``n.METHOD.colour`` (T, H, W, 3) float32 where there are colours; ``n.METHOD.shares`` (T, 7) float64 by region;
    ``n.listening`` (t, t) float32 with attention; ``n.points`` (T, 478, 2) float32, landmarks in pixels of the crop. Where
    the identity is hidden there are no points, but ``n.drawn`` (T, H, W) float32 in [0, 1], the heat of the first method on
    the drawn face.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self._windows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def add(self, window: ExplainedWindow) -> None:
        """Write the next window.

        Raises:
            OSError: The file cannot be written.
        """
        found = window.explanation
        self._write("time_s", window.time_s)
        for attribution, shares in zip(found.attributions, found.shares, strict=True):
            self._write(attribution.method, attribution.values)
            if attribution.colour is not None:
                self._write(f"{attribution.method}.colour", attribution.colour)
            self._write(f"{attribution.method}.shares", shares.over_time)
        if found.listening is not None:
            self._write("listening", found.listening)
        if window.hide_identity:
            heat = found.attributions[0].heat
            moved = [on_drawn_face(frame, points) for frame, points in zip(heat, found.points, strict=True)]
            self._write(DRAWN, np.stack(moved))
        else:
            self._write("points", found.points)
        self._windows += 1

    def _write(self, what: str, array: NDArray[np.generic]) -> None:
        name = KEY.format(number=self._windows, what=what)
        with self._zip.open(f"{name}.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


class MapsReader:
    """Reads what :class:`MapsFile` wrote, array by array; a context manager that closes the file.

    It stays open, since a long video has many thousand arrays, and their list is read anew whenever the file is opened.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._arrays = np.load(path, allow_pickle=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._arrays.close()

    def read(self, number: int, what: str) -> NDArray[np.generic]:
        """One array of one window.

        Args:
            number: Of the window, from 0.
            what: Which array, as :class:`MapsFile` names them.
        """
        array: NDArray[np.generic] = self._arrays[KEY.format(number=number, what=what)]
        return array
