"""Images from a model: Stable Diffusion's own pipelines, with one random generator an image."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    DiffusionPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from tqdm import trange
from transformers import CLIPTextModel

from scripts.lib.engines import pipelines
from scripts.lib.experiment.choices import Mode

PIPELINES = {"img2img": StableDiffusionImg2ImgPipeline, "txt2img": StableDiffusionPipeline}


def load_pipeline(mode: Mode, model: Path, unet: Path | None = None) -> DiffusionPipeline:
    """Load the base model's pipeline, with another U-Net where one is given.

    Args:
        mode: ``img2img`` or ``txt2img``.
        model: folder of the base pipeline.
        unet: folder of a fine-tuned U-Net.
    """
    pipe = PIPELINES[mode].from_pretrained(
        model,
        unet=pipelines.load(UNet2DConditionModel, unet or model / "unet"),
        vae=pipelines.load(AutoencoderKL, model / "vae"),
        text_encoder=pipelines.load(CLIPTextModel, model / "text_encoder"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        local_files_only=True,
    )
    pipe.set_progress_bar_config(disable=True)
    pipe.unet.to(memory_format=torch.channels_last)  # The layout that convolutions are fastest in, by a sixth here.
    return pipe.to(pipelines.device())


@torch.no_grad()
def generate(
    pipe: DiffusionPipeline,
    prompts: list[str],
    seeds: list[int],
    init_images: np.ndarray | None = None,
    *,
    steps: int,
    guidance_scale: float,
    strength: float,
    batch_size: int,
    size: int | None = None,
) -> Iterator[np.ndarray]:
    """Yield one uint8 image (height, width, 3) a prompt.

    All noise of image i comes from a CPU generator seeded with ``seeds[i]``, so that neither the
    batch size nor the device's random numbers change it. Batches of another size sum in another
    order: in an image here and there, pixels differ by a level of 255.

    Args:
        init_images: uint8 (n, height, width, 3) for image-to-image; None for text-to-image.
        strength: image-to-image only.
        size: text-to-image only, edge of the images in pixels; None: the model's own.

    Raises:
        FloatingPointError: an image is not finite, or black all over; the message names its prompt.
    """
    for start in trange(0, len(prompts), batch_size, desc="generate", mininterval=10):
        part = slice(start, start + batch_size)
        arguments = {
            "prompt": prompts[part],
            "generator": [torch.Generator("cpu").manual_seed(seed) for seed in seeds[part]],
            "num_inference_steps": steps,
            "guidance_scale": guidance_scale,
            "output_type": "np",
        }
        if init_images is not None:
            pixels = torch.from_numpy(init_images[part]).permute(0, 3, 1, 2).float() / 255
            arguments |= {"image": pixels, "strength": strength}
        else:
            arguments |= {"height": size, "width": size}
        for prompt, image in zip(prompts[part], pipe(**arguments).images, strict=True):
            if not np.isfinite(image).all() or not image.any():
                kind = "black" if np.isfinite(image).all() else "not finite"
                raise FloatingPointError(
                    f"the image of {prompt!r} is {kind}: the model has diverged; lower finetune.learning_rate, or use "
                    "finetune.mixed_precision: no"
                )
            yield np.rint(image * 255).astype(np.uint8)
