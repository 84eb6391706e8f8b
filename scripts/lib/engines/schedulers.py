"""The sampler in the place of the base model's own: which of diffusers' can make its images."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.lib.base.safetensors_files import ModelError, read_json

if TYPE_CHECKING:
    import torch

STEPS, SHAPE = 20, (4, 16, 16)
# What separates schedulers that fit from others, in standard deviations of the latents: all of diffusers that fit are
# within 0.06 of the image and 0.045 of unit noise. What takes a prediction for another type is off by 0.07 and more.
IMAGE, NOISE = 0.1, 0.06
SAME = 1e-4


def scheduler_of(folder: Path, name: str) -> Any:
    """Return a scheduler of diffusers with the noise schedule and the prediction type of a base model.

    Args:
        folder: of the base model.
        name: class of the scheduler.

    Raises:
        ModelError: diffusers has no scheduler of this name.
    """
    import diffusers

    kind = getattr(diffusers, name, None)
    if not (isinstance(kind, type) and issubclass(kind, diffusers.SchedulerMixin)):
        raise ModelError(f"generate.scheduler: diffusers has no scheduler {name!r}; name one, such as DDPMScheduler")
    scheduler: Any = kind
    return scheduler.from_config(read_json(folder / "scheduler" / "scheduler_config.json"))


def check_scheduler(folder: Path, name: str) -> None:
    """Refuse a scheduler that does not make the images of a base model, or not the same in every batch.

    It has to lead from noise to an image where the network's prediction is perfect, in the model's prediction type. Two
    images at once have to be those that it makes one by one, each from the noise of its own generator.

    Raises:
        ModelError: says which of these is not so.
    """
    own = read_json(folder / "scheduler" / "scheduler_config.json")
    if str(own.get("_class_name")).startswith("FlowMatch"):
        raise ModelError(
            f"generate.scheduler: {folder} is a model of flow matching, whose sampler cannot be chosen; remove the key"
        )
    prediction = own.get("prediction_type", "epsilon")
    refusal = f"generate.scheduler: {name} does not fit {folder}, whose network predicts {prediction!r}"
    scheduler_of(folder, name)
    try:
        together = _sample(folder, name, prediction, [0, 1])
        alone = [_sample(folder, name, prediction, [image]).midway[0] for image in (0, 1)]
    except Exception as error:  # Schedulers refuse in every way there is.
        raise ModelError(f"{refusal} ({(str(error) or repr(error)).splitlines()[0]}); name another") from error
    if not max((one - both).abs().max() for one, both in zip(alone, together.midway, strict=True)) < SAME:
        raise ModelError(
            f"generate.scheduler: {name} draws its noise for a whole batch, so that batches and shards would change "
            "images; name one whose noise comes from a generator per image, such as DDPMScheduler"
        )
    distances = [(made - _target(image)).square().mean().sqrt() for image, made in enumerate(together.latents)]
    if not (max(distances) < IMAGE and together.off < NOISE):
        raise ModelError(f"{refusal}: perfect predictions do not lead to an image; name another")


class Sample(NamedTuple):
    """What a scheduler makes of perfect predictions.

    Attributes:
        latents, midway: at the end and after half of the steps, (images, channels, height, width).
        off: the largest difference to 1 of the noise's root mean square on the way.
    """

    latents: "torch.Tensor"
    midway: "torch.Tensor"
    off: float


def _target(image: int) -> "torch.Tensor":
    import torch

    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(100 + image)).clamp(-1, 1)


def _sample(folder: Path, name: str, prediction: str, images: list[int]) -> Sample:
    """Let a scheduler make images of perfect predictions, as diffusers' pipelines call it."""
    import inspect

    import torch

    scheduler = scheduler_of(folder, name)
    generators = [torch.Generator().manual_seed(image) for image in images]
    target = torch.stack([_target(image) for image in images])
    takes_generator = "generator" in inspect.signature(scheduler.step).parameters
    options = {"generator": generators} if takes_generator else {}
    scheduler.set_timesteps(STEPS)
    noise = torch.stack([torch.randn(SHAPE, generator=generator) for generator in generators])
    latents, off = noise * scheduler.init_noise_sigma, 0.0
    midway = latents
    for step, time in enumerate(scheduler.timesteps):
        midway = latents if step <= len(scheduler.timesteps) // 2 else midway
        seen = scheduler.scale_model_input(latents, time)
        alpha = _alpha(scheduler, float(time))
        noise = (seen - alpha**0.5 * target) / (1 - alpha) ** 0.5
        off = max(off, abs(noise.square().mean().sqrt().item() - 1))
        velocity = alpha**0.5 * noise - (1 - alpha) ** 0.5 * target
        predicted = {"epsilon": noise, "v_prediction": velocity, "sample": target}[prediction]
        latents = scheduler.step(predicted, time, latents, **options, return_dict=False)[0]
    return Sample(latents, midway, off)


def _alpha(scheduler: Any, time: float) -> float:
    """Return the squared amplitude of the image in the noisy latents at a time, also between two steps of training."""
    import numpy as np

    known = scheduler.alphas_cumprod.numpy()
    # Karras' σ² = (1 - ᾱ) / ᾱ is what schedulers interpolate, by its logarithm or by itself.
    sigma = ((1 - known) / known) ** 0.5
    found = float(np.interp(time, np.arange(len(sigma)), sigma))
    return 1 / (found**2 + 1)
