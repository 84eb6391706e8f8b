"""In which precision networks compute, and how: exactly in float32, unless a setting says otherwise."""

from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.lib.engines import pipelines
from scripts.lib.experiment.choices import Dtype

if TYPE_CHECKING:
    import torch


class Arithmetic(NamedTuple):
    """How the network that denoises computes.

    Attributes:
        dtype: of its products and convolutions; sums, norms and all other parts stay float32.
        compile: whether torch.compile fuses its operations.
        channels_last: whether a U-Net's tensors have their channels last, as convolutions are fastest.
    """

    dtype: Dtype = "float32"
    compile: bool = False
    channels_last: bool = True


def set_tf32(allowed: bool) -> None:
    """Let NVIDIA's GPUs round the factors of float32 products and convolutions to TF32's 10 bits, or not.

    Torch's own default rounds in convolutions, and not in products of matrices.
    """
    import torch

    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def computing(dtype: Dtype) -> "torch.autocast":
    """Return a context in which networks compute in a precision (torch.autocast), or as they do, for float32."""
    import torch

    return torch.autocast(pipelines.device().type, dtype=getattr(torch, dtype), enabled=dtype != "float32")


def apply(network: Any, arithmetic: Arithmetic) -> None:
    """Let a network of a pipeline compute in a way. What goes in and what comes out stays float32.

    Its weights stay float32 too, and are rounded where they are used, so that the pipeline around it draws and adds
    the same noise, and the autoencoder, whose sums overflow in float16, is never rounded.

    Args:
        network: a U-Net or a transformer of diffusers; changed in place.
        arithmetic: the way.
    """
    import torch

    if arithmetic.channels_last and hasattr(network, "down_blocks"):  # A U-Net.
        network.to(memory_format=torch.channels_last)
    if arithmetic.dtype != "float32":
        from accelerate.utils import convert_outputs_to_fp32

        network.forward = convert_outputs_to_fp32(computing(arithmetic.dtype)(network.forward))
    if arithmetic.compile:
        network.compile()
