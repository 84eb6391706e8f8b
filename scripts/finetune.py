"""Fine-tune the model of one iteration on its training set; when it was stopped, it resumes."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import typer
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env

from scripts.cli import run, section
from scripts.lib.base import csvs, fence, imageset
from scripts.lib.base.atomic import replacing
from scripts.lib.base.hashes import content
from scripts.lib.base.provenance import recording
from scripts.lib.base.seeds import seed_of
from scripts.lib.engines.engine import Encoder, engine_of
from scripts.lib.engines.precision import set_tf32
from scripts.lib.experiment.config.finetune import Finetune
from scripts.lib.regimes.composition import TYPES
from scripts.lib.training.finetuning import finetune, keep_freed_memory, moving_average
from scripts.lib.training.trainable import trainable_of
from scripts.lib.training.training_data import TrainingData, encode

# The settings that the training loop itself takes.
LOOP = {
    "optimizer",
    "learning_rate",
    "batch_size",
    "accumulate",
    "weight_decay",
    "max_grad_norm",
    "mixed_precision",
}


def main(
    model: Annotated[Path, typer.Option(help="Folder of the base pipeline: its frozen parts and its scheduler.")],
    training: Annotated[Path, typer.Option(help="CSV of the training set: images, file_name, text.")],
    images: Annotated[list[Path], typer.Option(help="Image set that TRAINING names. Repeat it.")],
    root: Annotated[Path, typer.Option(help="Folder below which TRAINING names image sets.")],
    settings: Annotated[Finetune, section(Finetune)],
    tf32: Annotated[bool, typer.Option(help="Round the factors of float32 products on NVIDIA's GPUs.")],
    checkpoint_minutes: Annotated[float, typer.Option(help="Minutes between two checkpoints.", min=0)],
    seed: Annotated[int, typer.Option(help="Seed of the experiment.")],
    replicate: Annotated[int, typer.Option(help="Seed of the replicate.")],
    iteration: Annotated[int, typer.Option(help="Iteration, from 1.", min=1)],
    code: Annotated[str, typer.Option(help="Digest of the code; a checkpoint of other code is not resumed.")],
    output: Annotated[Path, typer.Option(help="Folder to write: what was trained, safetensors.")],
    provenance: Annotated[Path, typer.Option(help="JSON to write: what made it, and the loss of each epoch.")],
    checkpoints: Annotated[Path, typer.Option(help="Folder for checkpoints; removed when the run is complete.")],
    start: Annotated[Path | None, typer.Option(help="Trained folder to start from; the base otherwise.")] = None,
) -> None:
    """Fine-tune on the images of TRAINING, the other parts of the model frozen, on all GPUs of the job."""
    cell = {"seed": seed, "replicate": replicate, "iteration": iteration}
    identity = settings.model_dump() | cell | {"tf32": tf32, "code": code}
    inputs = [training, *images, model, start]
    table = csvs.read(training, TYPES)
    steps = settings.steps_of(len(table))
    _launch(min(torch.cuda.device_count(), settings.batch_size))
    keep_freed_memory()
    set_tf32(tf32)
    process = PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU"))  # That `accelerate launch --cpu` sets.
    state = checkpoints / _fingerprint(inputs, identity)
    engine, part = engine_of(model), trainable_of(settings.trainable.kind)
    torch.manual_seed(seed_of(seed, replicate, iteration, "trainable"))
    network = part.prepare(engine, model, start, settings.trainable.settings)
    if settings.gradient_checkpointing:
        network.enable_gradient_checkpointing()
    objective = engine.objective(model, settings.noise_levels)
    trained = list(part.parameters(network))
    average = None if settings.average is None else moving_average(trained, settings.average)

    def train() -> list[float]:
        data = _encode(engine.encoder(model), table, root, settings)
        options = settings.model_dump(include=LOOP) | {"average": average, "checkpoint_minutes": checkpoint_minutes}
        draws = seed_of(seed, replicate, iteration, "finetune")
        return finetune(network, trained, objective, data, state, steps=steps, seed=draws, **options)

    if not process.is_main_process:
        train()
        return
    parameters = identity | {"model": model, "start": start, "root": root, "checkpoint_minutes": checkpoint_minutes}
    with recording(provenance, inputs, parameters) as results:
        fence.check()
        _remove_others(checkpoints, state)
        results["steps"] = steps
        results["noise_levels"] = objective.density
        results["loss"] = train()
        with replacing(output) as folder:
            if average:
                part.save(network, folder / "last")
                average.copy_to(trained)
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


def _remove_others(checkpoints: Path, state: Path) -> None:
    """Remove the checkpoints of other runs, and what was half written; make the folder of this run."""
    for other in [*checkpoints.glob("*"), *state.glob(".*")]:
        if other != state:
            shutil.rmtree(other, ignore_errors=True)
    state.mkdir(parents=True, exist_ok=True)


def _encode(encoder: Encoder, table: pd.DataFrame, root: Path, settings: Finetune) -> TrainingData:
    """Run the frozen parts of the base model over the images of the training set."""
    images, prompts = imageset.read_rows(table, root), table["text"].tolist()
    return encode(images, prompts, encoder, flip=settings.horizontal_flip, dropout=settings.caption_dropout)


if __name__ == "__main__":
    run(main)
