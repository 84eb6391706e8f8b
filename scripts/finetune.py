"""Fine-tune the U-Net of one iteration on its training set; stopped and run again, it goes on."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from scripts.cli import run
from scripts.lib.base import csvs, fence, imageset
from scripts.lib.base.atomic import replacing
from scripts.lib.base.hashes import content
from scripts.lib.base.provenance import recording
from scripts.lib.base.seeds import seed_of
from scripts.lib.engines import pipelines
from scripts.lib.experiment.choices import MixedPrecision
from scripts.lib.regimes.composition import TYPES
from scripts.lib.training.finetuning import TrainingData, encode, finetune, keep_freed_memory


def main(
    model: Annotated[Path, typer.Option(help="Folder of the base pipeline: its frozen parts and its scheduler.")],
    training: Annotated[Path, typer.Option(help="CSV of the training set: images, file_name, text.")],
    images: Annotated[list[Path], typer.Option(help="Image set that TRAINING names. Repeat it.")],
    root: Annotated[Path, typer.Option(help="Folder below which TRAINING names image sets.")],
    learning_rate: Annotated[float, typer.Option(help="AdamW's learning rate, constant.", min=0)],
    epochs: Annotated[int, typer.Option(help="Passes over the training set.", min=1)],
    batch_size: Annotated[int, typer.Option(help="Images a step.", min=1)],
    seed: Annotated[int, typer.Option(help="Seed of the experiment.")],
    replicate: Annotated[int, typer.Option(help="Seed of the replicate.")],
    iteration: Annotated[int, typer.Option(help="Iteration, from 1.", min=1)],
    output: Annotated[Path, typer.Option(help="Folder to write: the fine-tuned U-Net, safetensors.")],
    provenance: Annotated[Path, typer.Option(help="JSON to write: what made it, and the loss of each epoch.")],
    checkpoints: Annotated[Path, typer.Option(help="Folder for checkpoints; removed when the run is complete.")],
    unet: Annotated[Path | None, typer.Option(help="Folder of the U-Net to start from; the base's otherwise.")] = None,
    horizontal_flip: Annotated[bool, typer.Option(help="Mirror images at random.")] = True,
    weight_decay: Annotated[float, typer.Option(help="AdamW's weight decay.", min=0)] = 0.01,
    max_grad_norm: Annotated[float, typer.Option(help="Gradients are clipped to this norm.", min=0)] = 1.0,
    mixed_precision: Annotated[MixedPrecision, typer.Option(help="Precision of the arithmetic; no: float32.")] = "no",
    checkpoint_minutes: Annotated[float, typer.Option(help="Minutes between two checkpoints.", min=0)] = 10,
    gradient_checkpointing: Annotated[bool, typer.Option(help="Less memory for a third more compute.")] = False,
    code: Annotated[str, typer.Option(help="Digest of the code; a checkpoint of other code is not resumed.")] = "",
) -> None:
    """Fine-tune a U-Net on the images of TRAINING, the other parts of the model frozen, on all GPUs of the job."""
    parameters = dict(locals())
    inputs = [training, *images, model, unet]
    _launch(min(torch.cuda.device_count(), batch_size))
    keep_freed_memory()
    process = PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU"))  # That `accelerate launch --cpu` sets.
    state = checkpoints / _fingerprint(inputs, parameters)
    network = pipelines.load(UNet2DConditionModel, unet or model / "unet")
    if gradient_checkpointing:
        network.enable_gradient_checkpointing()

    def train() -> list[float]:
        return finetune(
            network,
            DDPMScheduler.from_pretrained(model, subfolder="scheduler"),
            _encode(model, training, root, horizontal_flip),
            state,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            epochs=epochs,
            batch_size=batch_size,
            max_grad_norm=max_grad_norm,
            mixed_precision=mixed_precision,
            seed=seed_of(seed, replicate, iteration, "finetune"),
            checkpoint_minutes=checkpoint_minutes,
        )

    if not process.is_main_process:
        train()
        return
    with recording(provenance, inputs, parameters) as results:
        fence.check()
        for other in [*checkpoints.glob("*"), *state.glob(".*")]:
            if other != state:
                shutil.rmtree(other, ignore_errors=True)
        state.mkdir(parents=True, exist_ok=True)
        results["loss"] = train()
        with replacing(output) as folder:
            network.save_pretrained(folder, max_shard_size="100GB")
    fence.check()
    shutil.rmtree(checkpoints)


def _launch(processes: int) -> None:
    """Start this command line anew as several processes, one a GPU, unless it already is one of them."""
    if processes > 1 and "LOCAL_RANK" not in os.environ:
        options = f"--multi_gpu --num_processes {processes} --main_process_port 0 --module scripts.finetune"
        os.execvp("accelerate", ["accelerate", "launch", *options.split(), *sys.argv[1:]])


def _fingerprint(inputs: list[Path | None], parameters: dict[str, Any]) -> str:
    """Return a name for this very run: a function of what goes into it, wherever that lies."""
    values = [(key, value) for key, value in sorted(parameters.items()) if not isinstance(value, Path | list)]
    hashes = [content(path) for path in inputs if path is not None]
    settings = [f"{key}={value}" for key, value in values if key != "checkpoint_minutes"]
    return f"{seed_of(*hashes, *settings):016x}"


def _encode(model: Path, training: Path, root: Path, flip: bool) -> TrainingData:
    """Run the frozen parts of the base model over the images of the training set."""
    table = csvs.read(training, TYPES)
    return encode(
        imageset.read_rows(table, root),
        table["text"].tolist(),
        pipelines.load(AutoencoderKL, model / "vae").to(pipelines.device()),
        CLIPTokenizer.from_pretrained(model / "tokenizer", local_files_only=True),
        pipelines.load(CLIPTextModel, model / "text_encoder").to(pipelines.device()),
        flip=flip,
    )


if __name__ == "__main__":
    run(main)
