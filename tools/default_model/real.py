"""The rows of what is measured on real video: yawns, people who are alert, eye closure."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from default_model.figures import (
    Controls,
    mean_spearman,
    mostly_inside,
    paired_area,
    pooled_area,
    pooled_spearman,
    spearman_by_video,
)
from default_model.labels import OPEN, SHUT
from default_model.media import DRIVERS, FRANCK, LONG, OTHERS, TALKERS
from default_model.scoring import EYE_BAND, brightness
from default_model.table import BY_KEY, PLANNED, Row, missing_rows
from default_model.windows import STRIDE_S
from facefatigue.data.labels import BORDER
from facefatigue.evaluate import area_under_roc, pearson
from landmarker import count_blinks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from default_model.figures import ByVideo, Truth
    from default_model.media import Media
    from default_model.scoring import CueReader, Scorer, Scores, Statistic
    from default_model.table import State

_CONSTANT = "a constant score on the alert side gives 0 % here, one on the other side 100 %"


def real_rows(media: Media, scorer: Scorer, cues: CueReader, parts: Iterable[str], *, controls: bool) -> list[Row]:
    """The rows of parts a to e for one model.

    Args:
        media: The real videos.
        scorer: The model.
        cues: Its cues.
        parts: Which parts are wanted.
        controls: Measure the controls, too.
    """
    wanted, rows = set(parts), list[Row]()
    if wanted & set("abcd"):
        every = scorer.score(media.every, controls=controls)
        if "a" in wanted:
            rows += yawn_rows(media, every)
        if wanted & set("bc"):
            side = scorer.score(media.side, controls=controls, untrained=False)
            rows += [row for row in alert_rows(media, side=side, every=every) if row.part in wanted]
        if "d" in wanted:
            rows += closure_rows(media, every)
    if "e" in wanted:
        rows += hand_rows(media, scorer, cues, controls=controls)
    return rows


def window_details(media: Media, every: Scores) -> dict[str, list[dict[str, Any]]]:
    """Every window of every video with its score, to look for failures: for JSON."""
    closure = media.closure()
    found = {}
    for name, windows in media.every.items():
        inside = mostly_inside(windows.start_s, windows.end_s, (media.yawns or {}).get(name, []))
        read = closure.get(name, np.full(len(windows), np.nan))
        found[name] = [
            {
                "start_s": round(float(windows.start_s[n]), 3),
                "end_s": round(float(windows.end_s[n]), 3),
                "score": float(every.model[name][n]),
                "fatigue_probability": float(every.probability[name][n]),
                "landmarker_closure": None if np.isnan(read[n]) else float(read[n]),
                "in_yawn": bool(inside[n]) if media.yawns is not None and name.startswith(f"{DRIVERS}/") else None,
            }
            for n in range(len(windows))
        ]
    return found


def yawn_rows(media: Media, every: Scores) -> list[Row]:
    """Part a: windows inside a yawn against the rest."""
    if media.yawns is None or not media.of(DRIVERS):
        return missing_rows("a", media.problems.get("yawns", f"there are no videos in {DRIVERS}"))
    truth = {
        name: mostly_inside(media.every[name].start_s, media.every[name].end_s, media.yawns.get(name, []))
        for name in media.of(DRIVERS)
    }
    scores = every.where({name: np.ones(len(own), np.bool_) for name, own in truth.items()})
    rows = _area_rows(scores, truth, key="yawn_auc", kind="in a yawn")
    for row in _per_video(scores, truth, part="a", key="yawn_auc", name="Yawn windows against the rest, AUC"):
        rows.append(dataclasses.replace(row, goal=BY_KEY["yawn_auc_pooled"].goal))
    return rows


def alert_rows(media: Media, *, side: Scores, every: Scores) -> list[Row]:
    """Parts b and c: mean score and share called fatigue of people of whom nobody says that they are tired."""
    rows = []
    if FRANCK in media.followed:
        rows += _planned_alert("franck", media, [FRANCK], side=side, every=every)
    else:
        rows += missing_rows("b", f"{FRANCK} is not in the media folder")
    if talkers := media.of(TALKERS):
        rows += _planned_alert("talkers", media, talkers, side=side, every=every)
    else:
        rows += missing_rows("c", f"there are no videos in {TALKERS}")
    others = [name for name in (*talkers, *media.of(LONG), *media.of(OTHERS)) if name != FRANCK]
    for name in others:
        for which, scores, title in (("side", side, "side by side"), ("every", every, f"every {STRIDE_S} s")):
            row = Row(
                part="c", key=f"share_{which}/{name}", name=f"{name}, share called fatigue, windows {title}", is_share=True
            )
            rows.append(dataclasses.replace(row, **_share(scores, [name], media, which)))
    return rows


def closure_rows(media: Media, every: Scores) -> list[Row]:
    """Part d: the score of a window against the landmarker's mean eye closure over its frames."""
    if not media.readings:
        return missing_rows("d", media.problems.get("landmarker", "there are no readings"))
    target = media.closure()
    found = spearman_by_video(every.model, target)
    read = sum(int((~np.isnan(values)).sum()) for values in target.values())
    within = f"{sum(count for _, count in found.values())} windows of {len(found)} videos (8 windows or more)"
    statistics: dict[str, tuple[Statistic, str]] = {
        "closure_mean": (lambda scores: mean_spearman(scores, target, weighted=False), within),
        "closure_weighted": (lambda scores: mean_spearman(scores, target, weighted=True), within),
        "closure_pooled": (
            lambda scores: pooled_spearman(scores, target),
            f"{read} windows of {sum(bool((~np.isnan(values)).any()) for values in target.values())} videos",
        ),
    }
    rows = []
    for key, (statistic, n) in statistics.items():
        value, controls = every.figure(statistic, chance=0.0)
        rows.append(BY_KEY[key].row(value=value, controls=controls, n=n, state=_state(value)))
    for name, (_, count) in found.items():

        def of_video(scores: ByVideo, name: str = name) -> float | None:
            own = spearman_by_video({name: scores[name]}, target)
            return own[name][0] if name in own else None

        value, controls = every.figure(of_video, chance=0.0)
        rows.append(
            Row(
                part="d", key=f"closure/{name}", name=f"Score against landmarker's eye closure, Spearman, {name}",
                value=value, controls=controls, n=f"{count} windows",
            )
        )  # fmt: skip
    blinks = BY_KEY["landmarker_blinks"]
    if FRANCK in media.readings:
        reading = media.readings[FRANCK]
        n = f"{int((~np.isnan(reading)).sum())} of {len(reading)} frames"
        note = "rises of the mean eyeBlink blendshape above 0.35; not a figure of the model"
        rows.append(blinks.row(value=float(count_blinks(reading)), n=n, note=note))
    else:
        rows.append(blinks.missing(f"{FRANCK} is not in the media folder"))
    return rows


def hand_rows(media: Media, scorer: Scorer, cues: CueReader, *, controls: bool) -> list[Row]:
    """Part e: what is read in single frames, and scores of windows around them, against labels by hand."""
    if not media.labelled:
        return missing_rows("e", media.problems.get("labels", "there are no hand labels"))
    rows = []
    labels = {name: own.closure for name, own in media.labelled.items()}
    light = {name: brightness(own.single) for name, own in media.labelled.items()}
    band = {name: brightness(own.single, band=EYE_BAND) for name, own in media.labelled.items()}
    if media.readings:
        read = {name: own.read for name, own in media.labelled.items()}
        extra = {"brightness": light, "eye_band": band} if controls else {}
        rows += _frame_rows("hand_landmarker", read, labels, extra, note=f"not a figure of the model; {media.notes}")
    else:
        rows += missing_rows("e", media.problems.get("landmarker", "there are no readings"), keys="hand_landmarker")
    having = {name: own.has_window for name, own in media.labelled.items()}
    labels, light, band = ({n: values[n][having[n]] for n in having} for values in (labels, light, band))
    windows = {name: own.windows for name, own in media.labelled.items()}
    scores = scorer.score(windows, controls=controls)
    if cues.there:
        given = {name: cues.at_middle(own) for name, own in windows.items()}
        extra = {"brightness": light, "eye_band": band} if controls else {}
        if controls:
            extra["middle"] = {name: cues.at_middle(own, middle=True) for name, own in windows.items()}
        untrained = scorer.untrained_closure(windows) if controls else ()
        rows += _frame_rows("hand_cue", given, labels, extra, untrained)
    else:
        reason = "this model gives no cue of eye closure"
        rows += [p.row(state="not given", note=reason) for p in PLANNED if p.key.startswith("hand_cue")]
    clear = {name: (values >= SHUT) | (values <= OPEN) for name, values in labels.items()}
    truth = {name: values[clear[name]] >= SHUT for name, values in labels.items()}
    scores = scores.where(clear)
    rows += _area_rows(scores, truth, key="hand_auc", kind="around shut eyes")
    rows += _per_video(scores, truth, part="e", key="hand_auc", name="Windows around shut against open eyes, AUC")
    return rows


def _area_rows(scores: Scores, truth: Truth, *, key: str, kind: str) -> list[Row]:
    """The planned rows of an area: all windows together, and pairs of one video only."""
    both = sum(bool(own.any() and not own.all()) for own in truth.values())
    counts = f"{_count(truth)} windows, {sum(int(own.sum()) for own in truth.values())} of them {kind}"
    rows = []
    for ending, area, n in (
        ("pooled", pooled_area, f"{counts}, {len(truth)} videos"),
        ("paired", paired_area, f"{counts}, {both} videos with both kinds"),
    ):
        value, controls = scores.figure(_against(area, truth), chance=0.5)
        rows.append(BY_KEY[f"{key}_{ending}"].row(value=value, controls=controls, n=n, state=_state(value)))
    return rows


def _per_video(scores: Scores, truth: Truth, *, part: str, key: str, name: str) -> list[Row]:
    rows = []
    for video, own in truth.items():
        if own.any() and not own.all():
            value, controls = scores.figure(lambda found, v=video: area_under_roc(found[v], truth[v]), chance=0.5)  # type: ignore[misc]
            n = f"{len(own)} windows, {int(own.sum())} of them positive"
            rows.append(Row(part=part, key=f"{key}/{video}", name=f"{name}, {video}", value=value, controls=controls, n=n))
    return rows


def _planned_alert(key: str, media: Media, names: Sequence[str], *, side: Scores, every: Scores) -> list[Row]:
    rows = []
    for which, scores in (("side", side), ("every", every)):
        means = np.concatenate([scores.model[name] for name in names])
        middle = None if scores.middle is None else np.concatenate([scores.middle[name] for name in names])
        share = _share(scores, names, media, which)
        value = float(means.mean()) if len(means) else None
        controls = Controls(
            chance=0.0, comparable=False, middle=None if middle is None or not len(middle) else float(middle.mean())
        )
        rows.append(BY_KEY[f"{key}_mean_{which}"].row(value=value, controls=controls, n=share["n"], state=_state(value)))
        share["state"] = _state(share["value"])
        share["note"] = "; ".join(note for note in (share["note"], _CONSTANT) if note)
        rows.append(BY_KEY[f"{key}_share_{which}"].row(**share))
    return rows


def _share(scores: Scores, names: Sequence[str], media: Media, which: str) -> dict[str, Any]:
    """The fields of a row about the share of windows that are called fatigue, as `predict` calls them."""
    called = np.concatenate([scores.probability[name] > BORDER for name in names])
    means = np.concatenate([scores.model[name] for name in names])
    middle = scores.middle_probability
    still = None if middle is None else np.concatenate([middle[name] > BORDER for name in names])
    left_out = sum(media.followed[name].abstentions(None if which == "side" else STRIDE_S) for name in names)
    counts = [
        f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in ((len(called), "window"), (len(names), "video"))
    ]
    n = " of ".join(counts) + (f"; {left_out} more abstain" if left_out else "")
    if not len(called):
        return {"value": None, "n": n, "state": "not given", "note": "no window that could be scored"}
    return {
        "value": float(called.mean()),
        "n": n,
        "state": "measured",
        "controls": Controls(chance=0.0, comparable=False, middle=None if still is None else float(still.mean())),
        "note": f"mean score {means.mean():.3f}",
    }


def _frame_rows(
    key: str,
    found: ByVideo,
    labels: ByVideo,
    controls: Mapping[str, ByVideo],
    untrained: Sequence[ByVideo] = (),
    *,
    note: str = "",
) -> list[Row]:
    """Spearman and Pearson of readings of single frames against hand labels, with the same of the controls."""
    known = {name: ~np.isnan(values) for name, values in found.items()}
    labels = {name: labels[name][which] for name, which in known.items()}
    n = f"{_count(labels)} frames of {sum(len(values) > 0 for values in labels.values())} videos"
    statistics: dict[str, Statistic] = {
        "spearman": lambda values: pooled_spearman(values, labels),
        "pearson": lambda values: pearson(*(np.concatenate([one[name] for name in known]) for one in (values, labels))),
        "mean": lambda values: mean_spearman(values, labels, weighted=False),
    }
    rows = []
    for ending, statistic in statistics.items():

        def of(values: ByVideo, statistic: Statistic = statistic) -> float | None:
            return statistic({name: values[name][which] for name, which in known.items()})

        value = of(found)
        blind = tuple(figure for values in untrained if (figure := of(values)) is not None)
        beside = Controls(chance=0.0, untrained=blind, **{what: of(values) for what, values in controls.items()})  # type: ignore[arg-type]
        row = BY_KEY[f"{key}_{ending}"]
        rows.append(row.row(value=value, controls=beside, n=n, note=note, state=_state(value)))
    return rows


def _against(area: Callable[[ByVideo, Truth], float | None], truth: Truth) -> Statistic:
    return lambda scores: area(scores, truth)


def _count(values: Mapping[str, NDArray[np.generic]]) -> int:
    return sum(map(len, values.values()))


def _state(value: float | None) -> State:
    return "missing" if value is None else "measured"
