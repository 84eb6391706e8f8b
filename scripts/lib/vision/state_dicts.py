"""Files of tensors without a configuration, loaded into a network that the code knows."""

from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from scripts.lib.base.safetensors_files import ModelError


def load_state(network: nn.Module, weights: Path, published: str, prefix: str = "") -> None:
    """Load a state dictionary, as safetensors or pickled, without running the code that a pickle may hold.

    Args:
        network: gets the tensors.
        weights: the file.
        published: the file that has them, for a message.
        prefix: what all names may begin with beside the network's own.

    Raises:
        ModelError: the file holds other weights, or code.
    """
    try:
        safe = weights.suffix == ".safetensors"
        state = load_file(weights) if safe else torch.load(weights, weights_only=True)
        network.load_state_dict({name.removeprefix(prefix): tensor for name, tensor in state.items()})
    except (RuntimeError, UnpicklingError, SafetensorError, AttributeError, TypeError, EOFError) as error:
        raise ModelError(
            f"{weights}: not the weights of this network, which are published as {published}: "
            f"{str(error).splitlines()[0]}"
        ) from None
