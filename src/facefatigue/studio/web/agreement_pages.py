"""The owner's view of how far raters agree: figures, and the recordings to talk about."""

from typing import TYPE_CHECKING, Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from facefatigue.studio import agreement, curation
from facefatigue.studio.checking.process import STILL
from facefatigue.studio.database.tables import Account
from facefatigue.studio.web.pages import page
from facefatigue.studio.web.security import CurrentStudio, Owner, Studio

if TYPE_CHECKING:
    from facefatigue.data.agreement import Agreement, Coefficient

router = APIRouter()
_PER_PAGE = 10
_SPREADS = (1.0, 1.5, 2.0, 2.5, 3.0)

Least = Annotated[float, Query(ge=0.5, le=4)]
PageNumber = Annotated[int, Query(ge=1, le=100_000, alias="page")]


@router.get("/study/agreement")
def show_page(
    request: Request, studio: CurrentStudio, visitor: Owner, least: Least = 1.5, number: PageNumber = 1
) -> HTMLResponse:
    """Figures, and the recordings on which raters differ most."""
    with studio.database.reading() as db:
        found, total = agreement.disagreements(db, least=least, offset=(number - 1) * _PER_PAGE, limit=_PER_PAGE)
    return page(
        request,
        "owner/agreement.html",
        visitor=visitor,
        area="agreement",
        script_texts=["agreement", "owner"],
        figures=_figures(studio),
        found=found,
        stills={one.recording_id for one in found if studio.vault.has_extra(one.recording_id, STILL)},
        total=total,
        least=least,
        spreads=_SPREADS,
        number=number,
        last=max(1, -(-total // _PER_PAGE)),
        longest=curation.LONGEST_REMARK,
    )


@router.get("/study/agreement/figures")
def show_figures(request: Request, studio: CurrentStudio, visitor: Owner) -> HTMLResponse:
    """The figures alone, as a piece of the page, to bring an open page up to date."""
    return page(request, "owner/agreement_figures.html", visitor=visitor, figures=_figures(studio))


@router.get("/api/study/agreement")
def tell_figures(studio: CurrentStudio, visitor: Owner) -> dict[str, Any]:  # noqa: ARG001  # who may
    """The figures as JSON; `current` tells whether new ones are being worked out."""
    summary = studio.agreement.summary()
    if summary is None:
        return {"current": False}
    found = summary.agreement
    return {
        "current": summary.current,
        "made_at": summary.made_at.isoformat(),
        "recordings": summary.recordings,
        "ratings": summary.ratings,
        "not_judged": summary.not_judged,
        "labels": summary.labels,
        **_coefficients(found),
        "busiest": _coefficients(summary.busiest) if summary.busiest else None,
        "raters": _raters(studio, summary),
    }


@router.get("/api/study/disagreements")
def tell_disagreements(
    studio: CurrentStudio,
    visitor: Owner,  # noqa: ARG001  # who may
    least: Least = 1.5,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """Recordings on which raters differ, widest first."""
    with studio.database.reading() as db:
        found, total = agreement.disagreements(db, least=least, offset=offset, limit=limit)
    return {
        "total": total,
        "recordings": [
            {
                "id": one.recording_id,
                "still": f"/media/{one.recording_id}/still",
                "subject": one.person,
                "scenario": one.scenario,
                "duration_s": one.duration_s,
                "spread": one.spread,
                "score": one.score,
                "said": [
                    {
                        "rater": word.rater,
                        "value": word.value,
                        "confidence": word.confidence,
                        "note": word.note,
                        "repeat": word.repeat,
                    }
                    for word in one.said
                ],
                "remarks": [{"by": by, "at": at.isoformat(), "text": text} for by, at, text in one.remarks],
            }
            for one in found
        ],
    }


def _figures(studio: Studio) -> dict[str, Any] | None:
    """What the template shows; None while the first figures are worked out."""
    # The first figures of a small study are there within this time; those of a large one follow on the open page.
    summary = studio.agreement.summary() or studio.agreement.summary(wait_s=0.1)
    if summary is None:
        return None
    found = summary.agreement
    count = len(found.raters) if found else 0
    raters = _raters(studio, summary)
    names = {rater["column"]: rater["name"] for rater in raters}
    return {
        "summary": summary,
        "found": found,
        "raters_number": count,
        "coefficients": _rows(found),
        "busiest": _rows(summary.busiest),
        "busiest_names": [names[column] for column in summary.busiest.raters] if summary.busiest else [],
        "raters": raters,
        "most": max((*summary.labels, 1)),
    }


def _rows(found: "Agreement | None") -> list[tuple[str, "Coefficient | None", list[str]]]:
    if found is None:
        return []
    return [
        ("icc_single", found.icc_single, _icc_words(found.icc_single)),
        ("icc_mean", found.icc_mean, _icc_words(found.icc_mean)),
        ("alpha", found.alpha, _alpha_words(found.alpha)),
    ]


def _raters(studio: Studio, summary: agreement.Summary) -> list[dict[str, Any]]:
    with studio.database.reading() as db:
        names = {
            row.id: row.name
            for row in db.execute(sa.select(Account.id, Account.name).where(Account.id.in_(list(summary.raters.values()))))
        }
    biases = {bias.rater: bias for bias in summary.agreement.bias} if summary.agreement else {}
    found = []
    for column, account in summary.raters.items():
        bias, own = biases.get(column), summary.consistency[column]
        found.append(
            {
                "name": names.get(account, column),
                "column": column,
                "ratings": bias.ratings if bias else 0,
                "bias": bias.bias if bias and bias.ratings else None,
                "low": bias.low if bias else None,
                "high": bias.high if bias else None,
                "spread": bias.spread if bias else None,
                "repeats": own.repeats,
                "difference": own.difference,
                "shift": own.shift,
            }
        )
    return found


def _coefficients(found: "Agreement | None") -> dict[str, Any]:
    return {
        "icc_single": _coefficient(found.icc_single if found else None),
        "icc_mean": _coefficient(found.icc_mean if found else None),
        "alpha": _coefficient(found.alpha if found else None),
        "complete": found.complete if found else 0,
    }


def _coefficient(value: "Coefficient | None") -> dict[str, float | None] | None:
    return None if value is None else {"value": value.value, "low": value.low, "high": value.high}


def _icc_words(value: "Coefficient | None") -> list[str]:
    """What the ends of the interval are called, which is what is to be judged by, not the value; one word if they agree.

    Koo and Li, Journal of Chiropractic Medicine 15 (2016): poor below 0.5, good from 0.75, excellent from 0.9.
    """
    if value is None:
        return []
    ends = (value.value, value.value) if value.low is None or value.high is None else (value.low, value.high)
    words = [["poor", "moderate", "good", "excellent"][sum(end >= border for border in (0.5, 0.75, 0.9))] for end in ends]
    return list(dict.fromkeys(words))


def _alpha_words(value: "Coefficient | None") -> list[str]:
    """Krippendorff, Content Analysis (2004), page 241: 0.8 for conclusions, 0.667 for tentative ones."""
    if value is None:
        return []
    return [["unreliable", "tentative", "reliable"][sum(value.value >= border for border in (0.667, 0.8))]]
