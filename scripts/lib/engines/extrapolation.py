"""Images from two networks: predictions away from those of the degraded one (SIMS, Alemohammad et al. 2024)."""

from typing import Any

from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.engines import pipelines


def extrapolated(network: Any, of: Any, weight: float) -> Any:
    """Let a network answer with (1 + w) s_of - w s_own in place of its own prediction s_own.

    Both networks see the same noisy latents, time and prompts in one pass, those of guidance without a prompt included,
    so that guidance is between extrapolated predictions. The formula is linear in the prediction: it holds for noise,
    velocities and flows alike, and for every pipeline that calls the network.

    Args:
        network: of torch, the degraded one; it is changed in place.
        of: the network that is extrapolated, of the same base model; it moves to the job's device.
        weight: w.

    Returns:
        ``network``.

    Raises:
        ModelError: in the first pass, if the two predictions differ in shape.
    """
    of.to(pipelines.device()).eval()

    def answer(_: Any, args: Any, kwargs: Any, output: Any) -> Any:
        own, theirs = output[0], of(*args, **kwargs)[0]
        if own.shape != theirs.shape:
            raise ModelError(
                f"generate.extrapolate: the two models are not of one architecture; they predict {tuple(own.shape)}, "
                f"and {tuple(theirs.shape)}; name a model of the same base model"
            )
        found = theirs + weight * (theirs - own)
        return (found,) if isinstance(output, tuple) else type(output)(sample=found)

    network.register_forward_hook(answer, with_kwargs=True)
    return network
