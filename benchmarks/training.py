"""Speed of training: what the network, the augmentation and the loader each could do, and what a whole epoch does.

    python benchmarks/training.py [--device cpu|cuda] [--precision 32-true|bf16-mixed] [--clips 128] [KEY=VALUE ...]

Clips are random noise, written to a folder that is removed. "Loader" reads batches and throws them away; "augmentation" and
"network" (forward, backward, step) repeat one batch that is on the device already; "epoch" is a whole epoch of
facefatigue.train. The loader is no bottleneck where it alone is faster than the network. On a GPU the share of its peak is
the counted operations of forward and backward over the time of a step and the chip's dense peak in that precision.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from facefatigue.data.clip_list import read_clips
from facefatigue.engine.interface import usable_threads
from facefatigue.model.network import FatigueNet
from facefatigue.train.batches import batches, training_order
from facefatigue.train.loop import train
from facefatigue.train.losses import LossForm, fatigue_loss
from facefatigue.train.presets import make_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.train import TrainSettings
    from facefatigue.train.batches import Batch

# Dense bf16 tensor-core peaks of the makers' data sheets, in 10¹² operations a second.
PEAKS = {"H100": 989.0, "H200": 989.0, "A100": 312.0, "L40S": 362.0, "L4": 121.0, "RTX 4090": 165.0, "RTX 3090": 71.0}
REPEATS = 5


def write_clips(folder: Path, count: int, settings: TrainSettings) -> Path:
    """A list of random clips of 8 people, in shards of 32."""
    random = np.random.default_rng(0)
    rows = []
    for start in range(0, count, 32):
        size = min(32, count - start)
        shard = folder / f"{start}.npy"
        np.save(shard, random.integers(0, 256, (size, *settings.clip_spec.shape), dtype=np.uint8))
        rows += [(f"{shard.name}#{index}", f"{folder.name}-{index % 8}", random.random()) for index in range(size)]
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "subject", "score"])
        writer.writerows(rows)
    return folder / "manifest.csv"


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """The fastest of a few runs, after one that does not count."""
    best = float("inf")
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - started)
    return best


def network_step(settings: TrainSettings, batch: Batch, device: torch.device) -> tuple[Callable[[], None], float]:
    """One training step on a batch that is on the device, and the operations that it takes."""
    torch.manual_seed(0)
    network = FatigueNet(settings.model_config({})).to(device)
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # missing in torch's stubs
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-5)
    clips, target = batch.clips_on(device), batch.score.to(device)
    half = settings.precision == "bf16-mixed"

    def run(model: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]) -> None:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
            logits, score = model(clips)
        loss = fatigue_loss(logits.float(), score.float(), target, LossForm()).total  # ()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    with FlopCounterMode(display=False) as counter:
        run(network)
    model = torch.compile(network) if settings.compile else network
    return lambda: run(model), float(counter.get_total_flops())


def measure(settings: TrainSettings, count: int, device: torch.device) -> dict[str, float]:
    """Clips a second of each part, and the operations of a step."""
    with tempfile.TemporaryDirectory() as name:
        training, validation = Path(name) / "train", Path(name) / "val"
        training.mkdir()
        validation.mkdir()
        clips = read_clips(write_clips(training, count, settings), shape=settings.clip_spec.shape)
        write_clips(validation, settings.batch_size, settings)
        order = training_order(len(clips), batch_size=settings.batch_size, seed=0, epoch=0)
        pinned = device.type == "cuda"

        def load() -> None:
            for _ in batches(clips, order, augmentation=settings.augmentation, pinned=pinned):
                pass

        batch = next(batches(clips, order, augmentation=settings.augmentation, pinned=pinned))
        step, operations = network_step(settings, batch, device)
        step_s = seconds(step, device)
        result = train(training, validation, Path(name) / "run", settings, device=device.type)
        return {
            "loader": len(clips) / seconds(load, device),
            "augmentation": len(batch) / seconds(lambda: batch.clips_on(device), device),
            "network": len(batch) / step_s,
            "epoch": float(result.rows[-1]["clips_per_s"] or 0),
            "tera_operations_per_s": operations / step_s / 1e12,
        }


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assignments", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", default="32-true")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--clips", type=int, default=128)
    args = parser.parse_args()
    given = {"precision": args.precision, "epochs": 2, "auxiliary": (), "warmup_epochs": 0.0}
    settings = make_settings(preset=args.preset, overrides=given, assignments=args.assignments)
    torch.set_num_threads(usable_threads(settings.threads))
    device = torch.device(args.device)
    found = measure(settings, args.clips, device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    print(f"{name}, torch {torch.__version__}, {settings.precision}, augmentation {settings.augmentation},")
    form = f"{settings.frames} frames of {settings.size_px} px, batch {settings.batch_size}"
    print(f"width {settings.first_channel}, depth {settings.depth}, {form}\n")
    print("| part | clips/s |\n|---|---|")
    for part in ("loader", "augmentation", "network", "epoch"):
        print(f"| {part} | {found[part]:.1f} |")
    rate = found["tera_operations_per_s"]
    peak = next((value for chip, value in PEAKS.items() if chip in name), None)
    share = f", {100 * rate / peak:.1f} % of the bf16 peak" if peak and settings.precision == "bf16-mixed" else ""
    print(f"\nnetwork: {rate:.2f} · 10¹² operations a second{share}")


if __name__ == "__main__":
    main()
