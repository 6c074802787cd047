"""How figures were measured, without which they mean nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

Unit = Literal["clips", "videos"]
UNITS: tuple[Unit, ...] = get_args(Unit)
NO_SPLIT = "no split file: the whole list"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What was measured on what; every output prints it.

    Attributes:
        model_name, model_version, model_sha256: The model.
        list_path, list_fingerprint: The list of clips or videos, and its SHA-256.
        split: How test people were kept apart from training people: scheme, fold, part and SHA-256 of the split, or
            :data:`NO_SPLIT`.
        label_source: Where the true scores come from, such as "KSS self-rating" or "mean of 3 raters".
        synthetic: Whether the faces are rendered.
        unit: What an item is.
        command: The command that was given.
        versions: Of the programs and libraries.

    Raises:
        ConfigurationError: Split, label source, model or list is not said, or the unit is none.
    """

    model_name: str
    model_version: str
    model_sha256: str
    list_path: str
    list_fingerprint: str
    split: str
    label_source: str
    synthetic: bool
    unit: Unit
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named = ("model_name", "list_path", "split", "label_source")
        faults = [f"{name} is empty" for name in named if not getattr(self, name).strip()]
        if self.unit not in UNITS:
            faults.append(f"unit is {self.unit!r}, not one of {', '.join(UNITS)}")
        if faults:
            raise ConfigurationError(f"figures cannot be given without saying how they were measured: {'; '.join(faults)}")

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """Pairs of what and how, for people to read."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        facts = (
            ("Model", f"{self.model_name} {self.model_version}".strip()),
            ("Model SHA-256", self.model_sha256),
            ("Data", self.list_path),
            ("Data fingerprint", self.list_fingerprint),
            ("Faces", "synthetic (rendered)" if self.synthetic else "recorded"),
            ("True scores", self.label_source),
            ("Split", self.split),
            ("Measured on", self.unit),
            ("Command", self.command),
            ("Versions", versions),
        )
        return tuple((what, how) for what, how in facts if how)

    @property
    def line(self) -> str:
        """The most important of it in one line."""
        kind = "synthetic faces" if self.synthetic else "recorded faces"
        return f"{self.model_name} {self.model_version} · {kind} · true scores: {self.label_source} · split: {self.split}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "model": {"name": self.model_name, "version": self.model_version, "sha256": self.model_sha256},
            "list": {"path": self.list_path, "fingerprint": self.list_fingerprint},
            "split": self.split,
            "label_source": self.label_source,
            "synthetic": self.synthetic,
            "unit": self.unit,
            "command": self.command,
            "versions": dict(self.versions),
        }
