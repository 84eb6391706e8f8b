"""Fine-tune the model of one iteration on its training set; when it was stopped, it resumes."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env

from scripts.cli import run
from scripts.lib.base import csvs, fence, imageset
from scripts.lib.base.atomic import replacing
from scripts.lib.base.hashes import content
from scripts.lib.base.provenance import recording
from scripts.lib.base.seeds import seed_of
from scripts.lib.engines.engine import Encoder, engine_of
from scripts.lib.engines.precision import set_tf32
from scripts.lib.experiment.choices import MixedPrecision, NoiseLevels, Optimizer
from scripts.lib.regimes.composition import TYPES
from scripts.lib.training.finetuning import finetune, keep_freed_memory, moving_average
from scripts.lib.training.trainable import trainable_of
from scripts.lib.training.training_data import TrainingData, encode


def main(
    model: Annotated[Path, typer.Option(help="Folder of the base pipeline: its frozen parts and its scheduler.")],
    training: Annotated[Path, typer.Option(help="CSV of the training set: images, file_name, text.")],
    images: Annotated[list[Path], typer.Option(help="Image set that TRAINING names. Repeat it.")],
    root: Annotated[Path, typer.Option(help="Folder below which TRAINING names image sets.")],
    trainable: Annotated[str, typer.Option(help="What is trained: the name of a file of training/trainables.")],
    trainable_settings: Annotated[str, typer.Option(help="JSON: the settings of the trainable.")],
    optimizer: Annotated[Optimizer, typer.Option(help="What takes the steps.")],
    learning_rate: Annotated[float, typer.Option(help="Learning rate, constant.", min=0)],
    epochs: Annotated[int, typer.Option(help="Passes over the training set, unless there are --steps.", min=1)],
    batch_size: Annotated[int, typer.Option(help="Images per step.", min=1)],
    noise_levels: Annotated[NoiseLevels, typer.Option(help="How the levels of noise are drawn.")],
    accumulate: Annotated[int, typer.Option(help="Parts of a batch, computed one after the other.", min=1)],
    caption_dropout: Annotated[float, typer.Option(help="Probability of training without a prompt.", min=0, max=1)],
    horizontal_flip: Annotated[bool, typer.Option(help="Mirror images at random.")],
    weight_decay: Annotated[float, typer.Option(help="Weight decay.", min=0)],
    max_grad_norm: Annotated[float, typer.Option(help="Gradients are clipped to this norm.", min=0)],
    mixed_precision: Annotated[MixedPrecision, typer.Option(help="Precision of the arithmetic; no: float32.")],
    tf32: Annotated[bool, typer.Option(help="Round the factors of float32 products on NVIDIA's GPUs.")],
    gradient_checkpointing: Annotated[bool, typer.Option(help="Less memory for a third more compute.")],
    checkpoint_minutes: Annotated[float, typer.Option(help="Minutes between two checkpoints.", min=0)],
    seed: Annotated[int, typer.Option(help="Seed of the experiment.")],
    replicate: Annotated[int, typer.Option(help="Seed of the replicate.")],
    iteration: Annotated[int, typer.Option(help="Iteration, from 1.", min=1)],
    code: Annotated[str, typer.Option(help="Digest of the code; a checkpoint of other code is not resumed.")],
    output: Annotated[Path, typer.Option(help="Folder to write: what was trained, safetensors.")],
    provenance: Annotated[Path, typer.Option(help="JSON to write: what made it, and the loss of each epoch.")],
    checkpoints: Annotated[Path, typer.Option(help="Folder for checkpoints; removed when the run is complete.")],
    steps: Annotated[int | None, typer.Option(help="Optimizer steps, in the place of --epochs.", min=1)] = None,
    average: Annotated[
        float | None, typer.Option(help="Decay of a moving average of what is trained; OUTPUT is of it.", min=0, max=1)
    ] = None,
    start: Annotated[Path | None, typer.Option(help="Trained folder to start from; the base otherwise.")] = None,
) -> None:
    """Fine-tune on the images of TRAINING, the other parts of the model frozen, on all GPUs of the job."""
    loop: dict[str, Any] = {
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "accumulate": accumulate,
        "weight_decay": weight_decay,
        "max_grad_norm": max_grad_norm,
        "mixed_precision": mixed_precision,
    }
    settings = {
        "trainable": trainable,
        "trainable_settings": trainable_settings,
        **loop,
        "epochs": epochs,
        "caption_dropout": caption_dropout,
        "steps": steps,
        "noise_levels": noise_levels,
        "average": average,
        "horizontal_flip": horizontal_flip,
        "gradient_checkpointing": gradient_checkpointing,
        "tf32": tf32,
        "seed": seed,
        "replicate": replicate,
        "iteration": iteration,
        "code": code,
    }
    inputs = [training, *images, model, start]
    number = steps or epochs * -(-len(csvs.read(training)) // batch_size)
    _launch(min(torch.cuda.device_count(), batch_size))
    keep_freed_memory()
    set_tf32(tf32)
    process = PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU"))  # That `accelerate launch --cpu` sets.
    state = checkpoints / _fingerprint(inputs, settings)
    engine, part = engine_of(model), trainable_of(trainable)
    torch.manual_seed(seed_of(seed, replicate, iteration, "trainable"))
    network = part.prepare(engine, model, start, part.Settings(**json.loads(trainable_settings)))
    if gradient_checkpointing:
        network.enable_gradient_checkpointing()

    objective = engine.objective(model, noise_levels)
    trained = list(part.parameters(network))
    mean = None if average is None else moving_average(trained, average)

    def train() -> list[float]:
        return finetune(
            network,
            trained,
            objective,
            _encode(engine.encoder(model), training, root, horizontal_flip, caption_dropout),
            state,
            **loop,
            average=mean,
            steps=number,
            seed=seed_of(seed, replicate, iteration, "finetune"),
            checkpoint_minutes=checkpoint_minutes,
        )

    if not process.is_main_process:
        train()
        return
    parameters = settings | {"model": model, "start": start, "root": root, "checkpoint_minutes": checkpoint_minutes}
    with recording(provenance, inputs, parameters) as results:
        fence.check()
        for other in [*checkpoints.glob("*"), *state.glob(".*")]:
            if other != state:
                shutil.rmtree(other, ignore_errors=True)
        state.mkdir(parents=True, exist_ok=True)
        results["steps"] = number
        results["noise_levels"] = objective.density
        results["loss"] = train()
        with replacing(output) as folder:
            if mean:
                part.save(network, folder / "last")
                mean.copy_to(trained)
            part.save(network, folder)
    fence.check()
    shutil.rmtree(checkpoints)


def _launch(processes: int) -> None:
    """Start this command line again as several processes, one per GPU, unless it already is one of them."""
    if processes > 1 and "LOCAL_RANK" not in os.environ:
        options = f"--multi_gpu --num_processes {processes} --main_process_port 0 --module scripts.finetune"
        os.execvp("accelerate", ["accelerate", "launch", *options.split(), *sys.argv[1:]])


def _fingerprint(inputs: list[Path | None], settings: dict[str, Any]) -> str:
    """Return a name for this very run: a function of what goes into it, wherever that lies."""
    hashes = [content(path) for path in inputs if path is not None]
    return f"{seed_of(*hashes, *(f'{key}={value}' for key, value in settings.items())):016x}"


def _encode(encoder: Encoder, training: Path, root: Path, flip: bool, dropout: float) -> TrainingData:
    """Run the frozen parts of the base model over the images of the training set."""
    table = csvs.read(training, TYPES)
    return encode(imageset.read_rows(table, root), table["text"].tolist(), encoder, flip=flip, dropout=dropout)


if __name__ == "__main__":
    run(main)
