"""Published layouts of video data sets, read into recordings for a manifest.

Every video below the root ends up among the recordings or among what was skipped, with the reason.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from facefatigue.data.layouts import daisee, drozy, nthu_ddd, published, uta_rldd, yawdd
from facefatigue.data.layouts.daisee import read_daisee
from facefatigue.data.layouts.drozy import read_drozy
from facefatigue.data.layouts.nthu_ddd import read_nthu_ddd
from facefatigue.data.layouts.published import read_published_list
from facefatigue.data.layouts.reading import Layout, Reading, Skipped
from facefatigue.data.layouts.uta_rldd import read_uta_rldd
from facefatigue.data.layouts.yawdd import read_yawdd
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "LAYOUTS",
    "Layout",
    "Reading",
    "Skipped",
    "read_daisee",
    "read_drozy",
    "read_layout",
    "read_nthu_ddd",
    "read_published_list",
    "read_uta_rldd",
    "read_yawdd",
]

LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {module.LAYOUT.name: module.LAYOUT for module in (uta_rldd, nthu_ddd, yawdd, drozy, daisee, published)}
)


def read_layout(name: str, root: str | Path, /, **options: object) -> Reading:
    """Read a data set by the name of its layout.

    Args:
        name: One of :data:`LAYOUTS`.
        root: The folder it is in; for ``published`` the list.
        **options: What the reader takes, see :attr:`Layout.options`.

    Raises:
        ConfigurationError: There is no such layout or option, or what the reader raises.
    """
    layout = LAYOUTS.get(name)
    if layout is None:
        raise ConfigurationError(f"there is no layout {name!r}; it must be one of {', '.join(LAYOUTS)}")
    unknown = sorted(set(options) - set(layout.options))
    if unknown:
        known = ", ".join(layout.options) or "none"
        raise ConfigurationError(f"the layout {name} has no option {', '.join(unknown)}; its options: {known}")
    return layout.reader(Path(root), **options)
