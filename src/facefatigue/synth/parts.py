"""Pieces of which a person is put together: the face of the rig, hair, glasses, a hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Part:
    """A piece with N vertices.

    Attributes:
        vertices: (N, 3) cm.
        triangles: (T, 3) int of what is solid, and ``films``, (F, 3), of what is looked through.
        albedo: (N, 3) reflectance, 0 to 1.
        gloss, sharpness: (N,) strength and exponent of the highlight.
        alpha: (N,) how much a film hides.
        openness: (N,) share of the light from everywhere that arrives.
    """

    vertices: NDArray[np.floating]
    triangles: NDArray[np.int32]
    films: NDArray[np.int32]
    albedo: NDArray[np.floating]
    gloss: NDArray[np.floating]
    sharpness: NDArray[np.floating]
    alpha: NDArray[np.floating]
    openness: NDArray[np.floating]


NOTHING = np.empty((0, 3), np.int32)


def plain_part(
    vertices: NDArray[np.floating],
    triangles: NDArray[np.integer],
    colours: NDArray[np.float64],
    *,
    gloss: float = 0.05,
    sharpness: float = 14.0,
    openness: float = 1.0,
    alpha: NDArray[np.float64] | None = None,
) -> Part:
    """A piece of one material: solid, or a film where ``alpha`` (N,) is given.

    Args:
        vertices: (N, 3) cm.
        triangles: (T, 3).
        colours: (N, 3) or (3,) albedo.
        gloss: Of all vertices, as are the next two.
        sharpness: Exponent of the highlight.
        openness: Share of the light from everywhere that arrives.
        alpha: (N,) of a film.
    """
    count = len(vertices)
    film = alpha is not None
    own = triangles.astype(np.int32)
    return Part(
        vertices,
        NOTHING if film else own,
        own if film else NOTHING,
        np.broadcast_to(colours, (count, 3)).astype(np.float64),
        np.full(count, gloss),
        np.full(count, sharpness),
        np.zeros(count) if alpha is None else alpha,
        np.full(count, openness),
    )


def join_parts(parts: Sequence[Part]) -> Part:
    """One piece of several, in their order."""
    offsets = np.cumsum([0, *(len(part.vertices) for part in parts)])

    def numbers(name: str) -> NDArray[np.int32]:
        shifted = [getattr(part, name) + offset for part, offset in zip(parts, offsets, strict=False)]
        return np.ascontiguousarray(np.concatenate(shifted), np.int32)

    def values(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(part, name) for part in parts])

    return Part(
        values("vertices"), numbers("triangles"), numbers("films"), values("albedo"), values("gloss"), values("sharpness"),
        values("alpha"), values("openness"),
    )  # fmt: skip


def band(
    one: NDArray[np.floating],
    other: NDArray[np.floating],
    colour: NDArray[np.float64],
    *,
    closed: bool = False,
    gloss: float = 0.05,
    sharpness: float = 14.0,
    openness: float = 1.0,
) -> Part:
    """A band between two rows of points, seen from both sides.

    Each side has vertices of its own: normals are averaged over the triangles at a vertex, and those of two sides would
    cancel out.

    Args:
        one: (P, 3) points of an edge, cm.
        other: (P, 3) of the other edge.
        colour: (3,) albedo.
        closed: Whether the band is a ring.
        gloss: As in :func:`plain_part`, and the next two.
        sharpness: Exponent of the highlight.
        openness: Share of the light from everywhere that arrives.
    """
    count = len(one)
    here = np.arange(count if closed else count - 1)
    there = (here + 1) % count
    a, b, c, d = here, there, count + there, count + here
    front = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    triangles = np.concatenate([front, 2 * count + front[:, ::-1]])
    vertices = np.concatenate([one, other, one, other])
    return plain_part(vertices, triangles, colour, gloss=gloss, sharpness=sharpness, openness=openness)
