"""Learn tiredness from real blinks: compare ways by nested validation, and write the model that ships.

    python tools/train_blink_fatigue.py DATA --out FOLDER [--model FILE.npz]

DATA holds the blink features published with UTA-RLDD (BlinksTest_30_FoldN.npy, LabelsTest_30_FoldN.npy, video_starts.json).
FOLDER gets predictions/ (every fit, kept, so that a second run goes on where the first stopped), figures.json, tables.md and
train.log. With --model the file of facefatigue.signs.BlinkFatigue is written too, fitted on all folds. All seeds are fixed.
Needs facefatigue[train] and scikit-learn.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

import torch

from blink_fatigue.choice import Judge
from blink_fatigue.nested import EXCLUSIONS, Study, candidates
from blink_fatigue.population import OF_PEOPLE, measure_people
from blink_fatigue.report import DRAWS, measure, tables
from blink_fatigue.rldd import read_videos
from blink_fatigue.ship import write_model
from blink_fatigue.units import measure_units

LOG = logging.getLogger("train_blink_fatigue")


def main() -> None:
    """Compare, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--model", type=Path, metavar="FILE")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s",
        handlers=[logging.StreamHandler(sys.stderr), logging.FileHandler(args.out / "train.log", encoding="utf-8")],
    )  # fmt: skip
    videos = read_videos(args.data)
    LOG.info("%d videos of %d people, %d copied", len(videos), len(videos) // 3, sum(video.copied for video in videos))
    study = Study(videos, args.out / "predictions")
    for candidate in candidates():
        for excluded in EXCLUSIONS:
            study.predictions(candidate, excluded)
    judge = Judge(study)
    rows = measure(judge)
    rows["units"] = measure_units(judge)
    rows["population"] = measure_people(judge, draws=DRAWS)
    if args.model:
        people = rows["population"]
        of_people = {variant: (people[variant]["temperature"], people[variant]["reach"]) for variant in OF_PEOPLE}
        rows["model"] = write_model(judge, args.model, of_people)
    (args.out / "figures.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (args.out / "tables.md").write_text(tables(rows), encoding="utf-8")
    LOG.info("%s and %s", args.out / "figures.json", args.out / "tables.md")


if __name__ == "__main__":
    main()
