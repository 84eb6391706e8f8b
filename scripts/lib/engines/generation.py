"""Images from a model: the pipelines of diffusers, with one random generator per image."""

import math
from collections.abc import Callable, Iterator
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import trange

from scripts.lib.base.kinds import kinds
from scripts.lib.engines.engine import engine_of
from scripts.lib.engines.precision import Arithmetic, apply
from scripts.lib.engines.schedulers import scheduler_of
from scripts.lib.experiment.choices import Mode

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline


Schedule = Callable[[float], float]


def load_pipeline(
    mode: Mode,
    model: Path,
    network: Any = None,
    scheduler: str | None = None,
    arithmetic: Arithmetic = Arithmetic(),  # noqa: B008  # It cannot be changed.
) -> "DiffusionPipeline":
    """Load the base model's pipeline, with another network where one is given.

    Args:
        mode: ``img2img`` or ``txt2img``.
        model: folder of the base pipeline.
        network: what takes the place of the base model's own.
        scheduler: class of the sampler that takes the place of the base model's own.
        arithmetic: how its network computes.
    """
    engine = engine_of(model)
    pipe = engine.pipeline(mode, model, network or engine.network(model / engine.COMPONENT))
    apply(getattr(pipe, engine.COMPONENT), arithmetic)
    if scheduler is not None:
        pipe.scheduler = scheduler_of(model, scheduler)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def generate(
    pipe: "DiffusionPipeline",
    prompts: list[str],
    seeds: list[int],
    init_images: np.ndarray | None = None,
    *,
    steps: int,
    guidance_scale: float,
    strength: float,
    batch_size: int,
    size: int | None = None,
    first: Callable[[float], Any] = float,
    guidance: Schedule | None = None,
    ratio: float | None = None,
) -> Iterator[np.ndarray]:
    """Yield one uint8 image (height, width, 3) per prompt.

    All noise of image i comes from a CPU generator seeded with ``seeds[i]``, so that neither the
    batch size nor the device's random numbers change it. Batches of another size sum in another
    order: in an image here and there, pixels differ by a level of 255.

    Args:
        init_images: uint8 (n, height, width, 3) for image-to-image; None for text-to-image.
        strength: image-to-image only.
        ratio: image-to-image only, in the place of ``strength``: the signal-to-noise ratio to start near.
        size: text-to-image only, edge of the images in pixels; None: the model's own.
        first: gets the signal-to-noise ratio at the first step, once per batch.
        guidance: gives the guidance scale of each denoising step, above 1, by its place from 0, the first, to 1, the
            last; None: ``guidance_scale`` in all.

    Raises:
        FloatingPointError: an image is not finite, or black all over; the message names its prompt.
    """
    import torch

    height, width = init_images.shape[1:3] if init_images is not None else (size, size)
    # An image-to-image pipeline without these arguments takes the size of its images; the others resize them.
    sizes = {"height": height, "width": width} if "height" in signature(type(pipe).__call__).parameters else {}

    if ratio is not None:
        begin_near(pipe, ratio)
    for start in trange(0, len(prompts), batch_size, desc="generate", mininterval=10):
        part = slice(start, start + batch_size)
        arguments = {
            "prompt": prompts[part],
            "generator": [torch.Generator("cpu").manual_seed(seed) for seed in seeds[part]],
            "num_inference_steps": steps,
            "guidance_scale": guidance(0.0) if guidance else guidance_scale,
            "output_type": "np",
            "callback_on_step_end": _observer(first, guidance),
        } | sizes
        if init_images is not None:
            pixels = torch.from_numpy(init_images[part]).permute(0, 3, 1, 2).float() / 255
            arguments |= {"image": pixels, "strength": strength}
        for prompt, image in zip(prompts[part], pipe(**arguments).images, strict=True):
            _refuse_divergence(prompt, image)
            yield np.rint(image * 255).astype(np.uint8)


def _observer(first: Callable[[float], Any], guidance: Schedule | None) -> Callable[..., dict[str, Any]]:
    """Return what a pipeline calls after each step: it tells the first ratio, and sets the next guidance."""

    def observe(pipe: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        if step == 0:
            first(signal_to_noise(pipe.scheduler, float(time)))
        if guidance:
            pipe._guidance_scale = guidance(min(1.0, (step + 1) / max(1, pipe.num_timesteps - 1)))
        return tensors

    return observe


def _refuse_divergence(prompt: str, image: np.ndarray) -> None:
    """Refuse an image that is not finite or black all over."""
    if not np.isfinite(image).all() or not image.any():
        kind = "black" if np.isfinite(image).all() else "not finite"
        raise FloatingPointError(
            f"the image of {prompt!r} is {kind}: the model has diverged; lower finetune.learning_rate, or use "
            "finetune.mixed_precision: no"
        )


def begin_near(pipe: Any, ratio: float) -> None:
    """Let image-to-image begin at the step of its schedule whose signal-to-noise ratio is nearest, by its logarithm.

    Every family of diffusers cuts its schedule in its pipeline's ``get_timesteps``, once it has set the steps of its
    scheduler. That of this pipeline is replaced.

    Args:
        pipe: an image-to-image pipeline.
        ratio: the one to start near, above 0.
    """

    def get_timesteps(steps: int, *_: Any, **__: Any) -> tuple[Any, int]:
        scheduler = pipe.scheduler
        starts = scheduler.timesteps[:: scheduler.order][:steps].tolist()
        # At the end of noise alone there is no image: a ratio of 0 has no logarithm, and is the farthest of all.
        found = [signal_to_noise(scheduler, time) for time in starts]
        place = min(range(len(found)), key=lambda at: abs(math.log(max(found[at], 1e-30) / ratio)))
        begin = place * scheduler.order
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(begin)
        return scheduler.timesteps[begin:], steps - place

    pipe.get_timesteps = get_timesteps


def signal_to_noise(scheduler: Any, time: float) -> float:
    """Return how strong the image is in noisy latents, over the noise: a ratio of variances.

    Args:
        scheduler: of diffusers; one of diffusion, with ``alphas_cumprod``, or else one of flow matching.
        time: one of its time steps.
    """
    if hasattr(scheduler, "alphas_cumprod"):
        signal = float(scheduler.alphas_cumprod[round(time)])
        return signal / (1 - signal)
    noise = time / scheduler.config.num_train_timesteps
    return ((1 - noise) / noise) ** 2


def schedule_of(kind: str, first: float, settings: Any) -> Schedule:
    """Return the guidance scale of each denoising step, above 1, by its place.

    Args:
        kind: name of a file of ``engines/guidance``.
        first: `generate.guidance_scale`.
        settings: of the schedule, the ``Settings`` of that file.
    """
    module = kinds("engines.guidance")[kind]

    def scale(progress: float) -> float:
        # At 1, pipelines leave out the predictions without prompts; what they have prepared for them stays, and fails.
        return max(float(module.scale(progress, first, settings)), math.nextafter(1.0, 2.0))

    return scale
