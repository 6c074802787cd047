"""The owner's pages of agreement and exchange."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from facefatigue.data.agreement import Coefficient
from facefatigue.studio.agreement import column_of
from facefatigue.studio.database.tables import Account, Rating, Recording, Role
from facefatigue.studio.web.agreement_pages import _icc_words

pytest.importorskip("pingouin")
pytest.importorskip("krippendorff")

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _nothing_goes_on(studio: Any) -> Iterator[None]:
    """No figures are worked out beside the next test."""
    yield
    studio.agreement.wait()


@pytest.fixture
def rated(rows: Any) -> list[str]:
    ids, (one, other) = rows.recordings(8, people=4), rows.raters(2)
    rows.rate({name: {one: 1 + n % 4, other: min(5, 1.5 + n % 4)} for n, name in enumerate(ids)})
    rows.rate({rows.recordings(1)[0]: {one: 1.0, other: 5.0}})
    return ids


def test_figures_and_disagreements(owner: Any, studio: Any, rated: Any) -> None:
    studio.agreement.summary(wait_s=60)
    figures = owner.get("/api/study/agreement").json()
    assert figures["current"]
    assert (figures["recordings"], figures["ratings"], figures["complete"]) == (9, 18, 9)
    summary = studio.agreement.summary()
    assert figures["icc_single"]["value"] == summary.agreement.icc_single.value
    with studio.database.reading() as db:
        names = db.scalars(sa.select(Account.name).where(Account.role == Role.RATER).order_by(Account.id)).all()
    assert [entry["name"] for entry in figures["raters"]] == names
    page = owner.get("/study/agreement")
    assert page.status_code == 200
    assert f"<b>{summary.agreement.icc_single.value:.3f}</b>" in page.text
    assert page.text.count('class="card disagreement"') == 1
    assert "4 points apart" in page.text
    assert owner.get("/study/agreement?least=0.5").text.count('class="card disagreement"') == 9
    piece = owner.get("/study/agreement/figures").text
    assert 'data-current="yes"' in piece
    assert "<html" not in piece
    told = owner.get("/api/study/disagreements").json()
    assert (told["total"], [word["value"] for word in told["recordings"][0]["said"]]) == (1, [1.0, 5.0])


def test_an_empty_study_has_pages_too(owner: Any) -> None:
    for path in ("/study/agreement", "/study/export", "/study/agreement/figures"):
        assert owner.get(path).status_code == 200
    assert owner.get("/api/study/disagreements").json() == {"total": 0, "recordings": []}


def test_remarks_are_kept_and_shown_as_text(owner: Any, rated: Any) -> None:
    wide = owner.get("/api/study/disagreements").json()["recordings"][0]["id"]
    path = f"/api/study/recordings/{wide}/remarks"
    assert owner.post(path, json={"text": "<script>yawns</script>"}).status_code == 200
    assert owner.post(path, json={"text": " "}).json()["error"] == "text_too_long"
    assert owner.post(f"/api/study/recordings/{'0' * 32}/remarks", json={"text": "x"}).status_code == 404
    page = owner.get("/study/agreement").text
    assert "&lt;script&gt;yawns&lt;/script&gt;" in page
    assert "<script>yawns" not in page


def test_it_is_the_owners_alone(rater: Any, volunteer: Any, stranger: Any) -> None:
    paths = ["/study/agreement", "/study/export", "/api/study/agreement", "/api/study/export/ratings.csv"]
    for path in paths:
        for visitor in (rater, volunteer):
            assert visitor.get(path).status_code == 403
        assert stranger.get(path, follow_redirects=False).status_code in {303, 401}
    assert rater.post("/api/study/import/ratings?kind=csv", content=b"x").status_code == 403


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (0.932, 0.879, 0.966, ["good", "excellent"]),  # Koo and Li's own example
        (0.82, 0.76, 0.88, ["good"]),
        (0.6, -0.1, 0.95, ["poor", "excellent"]),
        (0.6, None, None, ["moderate"]),
    ],
)
def test_an_icc_is_judged_by_its_interval(value: float, low: float | None, high: float | None, words: list[str]) -> None:
    assert _icc_words(Coefficient(value=value, low=low, high=high)) == words


def test_ratings_out_and_in(owner: Any, studio: Any, rated: Any) -> None:
    out = owner.get("/api/study/export/ratings.csv")
    lines = list(csv.DictReader(io.StringIO(out.text)))
    assert len(lines) == 18
    tasks = owner.get("/api/study/export/label-studio.json").json()
    assert sum(len(task["annotations"]) for task in tasks) == 18
    assert not any(task["annotations"] for task in owner.get("/api/study/export/label-studio.json?blind=true").json())
    assert owner.get("/api/study/export/label-studio.xml").text.startswith("<View>")
    raw = {"content-type": "application/octet-stream"}
    path = "/api/study/import/ratings?kind=csv"
    told = owner.post(path, content=out.content, headers=raw).json()
    assert told == {"added": 0, "known": 18, "new_raters": [], "gone": 0}
    new = f"recording,rater,value\n{rated[0]},Ada,2\n"
    refused = owner.post(path, content=new.encode(), headers=raw)
    assert refused.json()["detail"]["faults"] == ["line 2: there is no rater 'Ada' in this studio"]
    taken = owner.post(f"{path}&new_raters=true", content=new.encode(), headers=raw).json()
    assert (taken["added"], taken["new_raters"]) == (1, ["Ada"])
    assert owner.post(path, content=b"\xff\xfe", headers=raw).json()["error"] == "import_faults"
    with studio.database.reading() as db:
        assert db.get_one(Recording, rated[0]).rated_times == 3
        ada = db.scalars(sa.select(Rating).where(Rating.source == "csv")).one()
        assert column_of(ada.account_id).startswith("rater_")
