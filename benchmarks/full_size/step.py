"""Time a fine-tune step at full size: as it is here, and with the frozen parts run in every step."""

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from scripts.cli import run
from scripts.lib.engines.engine import engine_of
from scripts.lib.training.finetuning import keep_freed_memory
from scripts.lib.training.training_data import draw, encode


def main(
    model: Annotated[Path, typer.Argument(help="Folder of the pipeline.")],
    repeats: Annotated[int, typer.Option(help="Steps of each kind, in turn.", min=1)] = 2,
) -> None:
    """Print the seconds of both kinds of step, same image, forward and backward without the optimizer."""
    keep_freed_memory()
    engine = engine_of(model)
    objective, encoder = engine.objective(model), engine.encoder(model)
    network = engine.network(model / engine.COMPONENT).train()
    image = np.random.default_rng(0).integers(0, 256, (1, 512, 512, 3), np.uint8)

    def frozen():
        return encode(image, ["a man"], encoder, flip=False)

    cached = frozen()
    seconds: dict[str, list[float]] = {"cached": [], "encoded in every step": []}
    for step in range(repeats):
        for kind, times in seconds.items():
            started = time.monotonic()
            data = cached if kind == "cached" else frozen()
            inputs = draw(data, torch.tensor([0]), step, objective, seed=0)
            objective.loss(network, *inputs, data.text).backward()
            network.zero_grad()
            times.append(time.monotonic() - started)
            print(f"{kind}: {times[-1]:.1f} s", flush=True)
    ours, theirs = (min(times) for times in seconds.values())
    print(f"ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    run(main)
