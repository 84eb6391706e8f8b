"""Pipelines of published architectures with random weights."""

import json
from pathlib import Path

import torch
from diffusers import EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler
from transformers import CLIPTokenizer

from benchmarks.full_size.architectures import NOISE, part, scheduler
from scripts.lib.base.code import ROOT
from scripts.lib.base.safetensors_files import read_json
from scripts.lib.planning.plan import ARCHITECTURES

TOKENIZER = ROOT / "models/miniature/tokenizer"  # The true one is not available here; its vocabulary is a part of it.
BETAS = ("beta_schedule", "beta_start", "beta_end", "steps_offset")
SCHEDULERS = {  # As each model's scheduler_config.json states it.
    "StableDiffusionPipeline": scheduler,
    "StableDiffusionXLPipeline": lambda: EulerDiscreteScheduler(
        **{name: NOISE[name] for name in BETAS}, timestep_spacing="leading"
    ),
    "StableDiffusion3Pipeline": lambda: FlowMatchEulerDiscreteScheduler(shift=3.0),
}
LEFT_OUT = {
    "StableDiffusionPipeline": ("safety_checker", "feature_extractor", "image_encoder"),
    "StableDiffusionXLPipeline": ("feature_extractor", "image_encoder"),
    "StableDiffusion3Pipeline": ("feature_extractor", "image_encoder", "text_encoder_3", "tokenizer_3"),
}


def write(architecture: str, folder: Path, *, half: bool = False) -> None:
    """Write a pipeline, without its third text encoder: a T5 of 19 GB, which Stable Diffusion 3 can do without.

    Args:
        architecture: a folder of ``models/architectures``.
        folder: to write.
        half: keep all networks but the autoencoder in float16. They are read as float32 all the same.
    """
    index = read_json(ROOT / ARCHITECTURES / architecture / "model_index.json")
    kind = index.pop("_class_name")
    for name in [name for name in index if name not in LEFT_OUT[kind]]:
        encodes = name.startswith("text_encoder")
        network = part(architecture, name, **(special_tokens() if encodes else {}))
        dtype = torch.float16 if half and name != "vae" else torch.float32
        network.to(dtype).save_pretrained(folder / name, max_shard_size="100GB")
        del network  # The next one needs the memory.
        if encodes:
            tokenizer = name.replace("text_encoder", "tokenizer")
            write_tokenizer(folder / tokenizer)
            index[tokenizer] = ["transformers", "CLIPTokenizer"]
    sampler = SCHEDULERS[kind]()
    sampler.save_pretrained(folder / "scheduler")
    index["scheduler"] = ["diffusers", type(sampler).__name__]
    index |= {name: [None, None] for name in LEFT_OUT[kind]}
    (folder / "model_index.json").write_text(json.dumps({"_class_name": kind, **index}))


def write_tokenizer(folder: Path) -> None:
    """Write the miniature's tokenizer with the length of the true one, 77 tokens."""
    CLIPTokenizer.from_pretrained(TOKENIZER, model_max_length=77).save_pretrained(folder)


def special_tokens() -> dict[str, int]:
    """Return the numbers of the tokenizer's special tokens, as a text encoder's configuration names them."""
    config = read_json(TOKENIZER.parent / "text_encoder/config.json")
    return {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
