from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.evaluate import Predictions, Provenance, evaluate_predictions, write_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PICTURES = {"confusion": b"png one", "subjects": b"png two"}


class Page(HTMLParser):
    """Keeps tags, attributes and texts, and checks that every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(path: Path, predictions: Predictions, provenance: Provenance) -> Page:
    evaluation = evaluate_predictions(predictions, provenance=provenance, by=tuple(predictions.groups), draws=20)
    write_page(evaluation, PICTURES, path)
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_says_everything(tmp_path: Path, predictions: Predictions, provenance: Provenance) -> None:
    page = page_of(tmp_path / "index.html", predictions, provenance)
    text = " ".join(page.texts)
    for said in (
        "rig-v1 0.2",
        "120 clips of 12 subjects",
        "synthetic faces",
        "How it was measured",
        "5 folds by subject, fold 2, part test",
        "KSS self-rating",
        "facefatigue evaluate --by light",
        "Jaccard index",
        "By light",
        "By subject",
        "not a medical or safety device",
        "not a type-approval",
    ):
        assert said in text
    assert [image["src"] for image in page.all("img")] == [
        f"data:image/png;base64,{base64.b64encode(png).decode()}" for png in PICTURES.values()
    ]
    assert all(image["alt"] for image in page.all("img"))


def test_nothing_is_loaded_and_nothing_runs(tmp_path: Path, predictions: Predictions, provenance: Provenance) -> None:
    page = page_of(tmp_path / "index.html", predictions, provenance)
    assert not page.all("script")
    assert not page.all("link")
    policy = next(meta for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert (policy["content"] or "").startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert re.search(r"https?:|url\(|@import", (tmp_path / "index.html").read_text(encoding="utf-8")) is None


def test_every_text_is_escaped(tmp_path: Path, predictions: Predictions, make_provenance: Callable[..., Provenance]) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    names = np.array([evil, "{{ 7 * 7 }}", "plain"])
    attacked = Predictions.of(
        item=predictions.item,
        subject=names[np.arange(120) % 3],
        target=predictions.target,
        score=predictions.score,
        fatigue_probability=predictions.fatigue_probability,
        groups={evil: [evil] * 120},
    )
    provenance = make_provenance(model_name=evil, split=evil, label_source=evil, versions={evil: evil}, command=evil)
    page = page_of(tmp_path / "index.html", attacked, provenance)
    assert not page.all("script")
    assert len(page.all("img")) == len(PICTURES)
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert evil in page.texts
    assert "{{ 7 * 7 }}" in page.texts


def test_a_long_table_starts_folded(
    tmp_path: Path, make_predictions: Callable[..., Predictions], provenance: Provenance
) -> None:
    page = page_of(tmp_path / "index.html", make_predictions(80, 40), provenance)
    assert len(page.all("details")) == 1
    assert "By subject (40 rows)" in page.texts
