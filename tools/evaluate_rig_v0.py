"""Measure a model for its card: on held-out synthetic people, and on real clips beside controls.

    python tools/evaluate_rig_v0.py MODEL_DIR --synthetic TEST_LIST --media FOLDER [--json FILE] [--write]

TEST_LIST is a manifest of `facefatigue synth render` whose seed was used neither for training nor for choosing the
checkpoint. FOLDER holds yawdd/*.avi with yawdd/yawns.csv (video, start_s, end_s), talking_face/franck.mp4 and
liveportrait/*.mp4. Windows start every 0.5 s; a window counts as a yawn when more than half of it lies inside one. Controls:
the window's middle frame repeated, brightness alone, and ten untrained networks. Real clips serve for measuring only:
nothing is trained, chosen or set by them.

--write puts the figures into the model's config.json and card.md, and writes the model folder again.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from facefatigue.clips import clip_from_crops
from facefatigue.data.manifest import MANIFEST
from facefatigue.engine import open_engine
from facefatigue.estimate import Limits
from facefatigue.estimate.session import Session
from facefatigue.evaluate import area_under_roc, pearson
from facefatigue.faces import Mtcnn
from facefatigue.model.artefact import load_artefact
from facefatigue.model.export import write_artefact
from facefatigue.model.network import FatigueNet
from facefatigue.model.weights import load_network
from facefatigue.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from facefatigue.model.artefact import Artefact
    from facefatigue.model.config import ModelConfig

    Crops = NDArray[np.uint8]
    Scorer = Callable[[Crops], float]
    Figures = dict[str, Any]

STRIDE_S = 0.5
UNTRAINED = 10
RESAMPLES = 2000
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"

PURPOSE = """\
## What it is good for

Trying the tool. It has seen no real face in training; what it learnt from rendered people carries over to real ones only as
far as the figures below say. It must not be used to judge anybody, and a later model replaces it.
"""
NOT_ABOVE_CONTROLS = """\
On real yawns it does **not** stand above its controls (the middle frame alone, the best of the untrained networks), and it
may rank a yawn below the rest. Do not read anything into its score of a real face.
"""

MAKING = """\
## How it was made

    facefatigue synth render --rig RIG --clips 4000 --seed 1 --out train
    facefatigue synth render --rig RIG --clips 300 --seed 2 --out val
    facefatigue synth render --rig RIG --clips 600 --seed 3 --out test
    facefatigue train --train train --val val --out rig-v0 --epochs 7 --lr 3e-4 --dropout 0.3 \\
        --auxiliary closure,mouth,yawning,perclos --threads 2 --licence Apache-2.0 --model-version 0.1.0
    python tools/evaluate_rig_v0.py rig-v0/model --synthetic test --media MEDIA --write
"""


def synthetic_figures(score: Scorer, manifest: Path) -> Figures:
    """Figures of single clips, each with a 95 % interval by bootstrap over subjects."""
    path = manifest / MANIFEST if manifest.is_dir() else manifest
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    wanted = np.array([float(row["score"]) for row in rows])
    found = np.empty(len(rows))
    for number, row in enumerate(rows):
        shard, index = row["clip"].split("#")
        found[number] = score(np.load(path.parent / shard, mmap_mode="r")[int(index)])
    names = sorted({row["subject"] for row in rows})
    members = [np.flatnonzero([row["subject"] == name for row in rows]) for name in names]
    random = np.random.default_rng(0)
    draws = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([members[k] for k in random.integers(len(members), size=len(members))])
        draws.append(clip_figures(found[drawn], wanted[drawn]))
    figures: Figures = {"clips": len(rows), "subjects": len(names)}
    for name, value in clip_figures(found, wanted).items():
        low, high = np.quantile([draw[name] for draw in draws], [0.025, 0.975])
        figures[name] = {"value": value, "low": float(low), "high": float(high)}
    figures["mae_of_the_mean_score"] = float(np.abs(wanted - wanted.mean()).mean())
    figures["share_of_larger_class"] = float(max((wanted >= 0.5).mean(), (wanted < 0.5).mean()))
    return figures


def clip_figures(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> dict[str, float]:
    """MAE, Pearson, CCC (Lin 1989), accuracy and AUC at 0.5."""
    covariance = float(np.mean((wanted - wanted.mean()) * (found - found.mean())))
    undefined = float("nan")
    correlation, auc = pearson(found, wanted), area_under_roc(found, wanted >= 0.5)
    return {
        "mae": float(np.mean(np.abs(found - wanted))),
        "pearson": undefined if correlation is None else correlation,
        "ccc": 2 * covariance / float(wanted.var() + found.var() + (wanted.mean() - found.mean()) ** 2),
        "accuracy": float(np.mean((found >= 0.5) == (wanted >= 0.5))),
        "auc": undefined if auc is None else auc,
    }


def windows_of(video: Path, config: ModelConfig) -> list[tuple[float, float, Crops]]:
    """(start, end, crops) of the main face's windows, one every 0.5 s: exactly those that `predict` would score."""
    kept: list[Crops] = []

    def keep(crops: Crops) -> tuple[float, float]:
        kept.append(crops)
        return float(len(kept) - 1), 0.0  # a window's score is its number

    session = Session(detector=Mtcnn(), score=keep, spec=config.clip_spec, limits=Limits(), stride_s=STRIDE_S)
    with open_video(video) as frames:
        for frame in frames:
            session.see(frame.rgb, frame.time_s)
    faces, _ = session.finish()
    windows = [window for face in faces for window in face.windows if window.score is not None]
    return [(window.start_s, window.end_s, kept[int(window.score or 0)]) for window in windows]


def yawn_figures(scorers: dict[str, Scorer], artefact: Artefact, folder: Path) -> Figures:
    """AUC of yawn windows against the rest for each scorer: pooled, and for each video with a yawn."""
    with (folder / "yawns.csv").open(encoding="utf-8") as file:
        yawns = list(csv.DictReader(file))
    videos: dict[str, list[tuple[bool, Crops]]] = {}
    for path in sorted(folder.glob("*.avi")):
        own = [(float(yawn["start_s"]), float(yawn["end_s"])) for yawn in yawns if yawn["video"] == path.name]
        videos[path.name] = [
            (any(min(end, b) - max(start, a) > (end - start) / 2 for a, b in own), crops)
            for start, end, crops in windows_of(path, artefact.config)
        ]
    truth = np.array([is_yawn for rows in videos.values() for is_yawn, _ in rows])
    figures: Figures = {"videos": len(videos), "windows": len(truth), "yawn_windows": int(truth.sum()), "auc": {}}
    for name, score in scorers.items():
        scores = {video: np.array([score(crops) for _, crops in rows]) for video, rows in videos.items()}
        each = {
            video: area_under_roc(scores[video], np.array([is_yawn for is_yawn, _ in rows]))
            for video, rows in videos.items()
        }
        pooled = area_under_roc(np.concatenate(list(scores.values())), truth)
        figures["auc"][name] = {"pooled": pooled, **{video: auc for video, auc in each.items() if auc is not None}}
    return figures


def alert_figures(score: Scorer, artefact: Artefact, videos: list[Path]) -> Figures:
    """Scores of people of whom nobody says that they are tired."""
    scores = np.array([score(crops) for video in videos for _, _, crops in windows_of(video, artefact.config)])
    return {
        "videos": len(videos),
        "windows": len(scores),
        "mean_score": float(scores.mean()),
        "share_called_fatigue": float((scores > 0.5).mean()),
    }


def scorers_of(artefact: Artefact) -> dict[str, Scorer]:
    """The model in ONNX Runtime, and its controls."""
    engine = open_engine(artefact, engine="onnxruntime")

    def model(crops: Crops) -> float:
        return float(engine.run(clip_from_crops(crops)[None]).score[0])

    def middle(crops: Crops) -> float:
        return model(np.repeat(crops[len(crops) // 2][None], len(crops), axis=0))

    def brightness(crops: Crops) -> float:
        return float(crops.mean())

    scorers: dict[str, Scorer] = {"model": model, "middle frame repeated": middle, "brightness alone": brightness}
    for seed in range(UNTRAINED):
        torch.manual_seed(seed)
        network = FatigueNet(artefact.config).eval()

        def untrained(crops: Crops, network: FatigueNet = network) -> float:
            with torch.inference_mode():
                return float(network(torch.from_numpy(clip_from_crops(crops)[None]))[1][0])

        scorers[f"untrained network {seed}"] = untrained
    return scorers


def card_section(figures: Figures) -> str:
    """The figures as the Markdown of the card."""
    synthetic, yawns = figures["synthetic"], figures["yawns"]
    pooled = {name: values["pooled"] for name, values in yawns["auc"].items()}
    above = pooled["model"] > max(value for name, value in pooled.items() if name != "model")
    lines = [
        BEGIN,
        "",
        PURPOSE,
        *([] if above else [NOT_ABOVE_CONTROLS]),
        "## Measured on synthetic people it never saw",
        "",
        f"{synthetic['clips']} rendered (synthetic) clips of {synthetic['subjects']} identities, used neither",
        "for training nor for choosing anything. Single clips; 95 % intervals by bootstrap",
        f"over identities ({RESAMPLES} draws).",
        "",
        "| | value | 95 % interval | without looking |",
        "|---|---|---|---|",
    ]
    blind = {
        "mae": f"{synthetic['mae_of_the_mean_score']:.3f} (always the mean score)",
        "accuracy": f"{synthetic['share_of_larger_class']:.3f} (always the larger class)",
        "pearson": "0",
        "ccc": "0",
        "auc": "0.5",
    }
    titles = {"mae": "MAE", "pearson": "Pearson", "ccc": "CCC", "accuracy": "accuracy at 0.5", "auc": "AUC at 0.5"}
    for name, title in titles.items():
        value = synthetic[name]
        lines.append(f"| {title} | {value['value']:.3f} | {value['low']:.3f} – {value['high']:.3f} | {blind[name]} |")
    lines += ["", "## Measured on real people", "", *_yawn_lines(yawns), "", *_alert_lines(figures["alert"]), ""]
    lines += ["Measured with `tools/evaluate_rig_v0.py`, ONNX Runtime, f32.", "", MAKING, END]
    return "\n".join(lines)


def _yawn_lines(yawns: Figures) -> list[str]:
    names = [name for name in yawns["auc"]["model"] if name != "pooled"]
    untrained = [values for name, values in yawns["auc"].items() if name.startswith("untrained")]
    rows = {name: values for name, values in yawns["auc"].items() if not name.startswith("untrained")}
    for what, pick in (("mean", np.mean), ("best", np.max)):
        rows[f"untrained networks, {what} of {len(untrained)}"] = {
            key: float(pick([values[key] for values in untrained])) for key in ("pooled", *names)
        }
    return [
        f"Windows inside a yawn ({yawns['yawn_windows']} of {yawns['windows']}, one every {STRIDE_S} s) against the rest in",
        f"{yawns['videos']} clips of drivers (YawDD): AUC. So few people say little about people at large; only what lies",
        "clearly above the controls counts.",
        "",
        "| | pooled | " + " | ".join(names) + " |",
        "|---" * (len(names) + 2) + "|",
        *(
            f"| {row} | " + " | ".join(f"{values[key]:.2f}" for key in ("pooled", *names)) + " |"
            for row, values in rows.items()
        ),
    ]


def _alert_lines(alert: dict[str, Figures]) -> list[str]:
    return [
        "People of whom nobody says that they are tired:",
        "",
        "| | windows | mean score | share called fatigue |",
        "|---|---|---|---|",
        *(
            f"| {name} | {row['windows']} | {row['mean_score']:.2f} | {100 * row['share_called_fatigue']:.0f} % |"
            for name, row in alert.items()
        ),
    ]


def write_figures(artefact: Artefact, figures: Figures) -> None:
    """Put the figures into the model folder."""
    synthetic = {f"synthetic_test_{name}": round(figures["synthetic"][name]["value"], 4) for name in ("mae", "ccc", "auc")}
    real = {
        "real_yawn_auc_pooled": round(figures["yawns"]["auc"]["model"]["pooled"], 4),
        **{
            f"real_share_called_fatigue_{name.split()[0]}": round(row["share_called_fatigue"], 4)
            for name, row in figures["alert"].items()
        },
    }
    kept = {name: value for name, value in artefact.config.metrics.items() if name.startswith("validation_")}
    config = dataclasses.replace(artefact.config, metrics={**kept, **synthetic, **real})
    card = artefact.card_text()
    if BEGIN in card:
        card = card[: card.index(BEGIN)] + card[card.index(END) + len(END) :].lstrip("\n")
    place = card.index("## Data")
    card = f"{card[:place]}{card_section(figures)}\n\n{card[place:]}"
    write_artefact(load_network(config, artefact.safetensors_path), config, artefact.folder, card)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--synthetic", type=Path, required=True)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    artefact = load_artefact(args.model)
    scorers = scorers_of(artefact)
    talkers = sorted((args.media / "liveportrait").glob("*.mp4"))
    figures: Figures = {
        "synthetic": synthetic_figures(scorers["model"], args.synthetic),
        "yawns": yawn_figures(scorers, artefact, args.media / "yawdd"),
        "alert": {
            "man who talks, 200 s (Talking Face)": alert_figures(
                scorers["model"], artefact, [args.media / "talking_face" / "franck.mp4"]
            ),
            f"{len(talkers)} talkers (LivePortrait's examples)": alert_figures(scorers["model"], artefact, talkers),
        },
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if args.json is not None:
        args.json.write_text(text + "\n", encoding="utf-8")
    if args.write:
        write_figures(artefact, figures)


if __name__ == "__main__":
    main()
