"""LoRA: low-rank adapters beside chosen layers are trained, and a cell keeps them alone (Hu et al. 2022)."""

import re
from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from scripts.lib.base.safetensors_files import ModelError, Shapes, shapes
from scripts.lib.engines.engine import Engine, Flops
from scripts.lib.experiment.config.section import Section

if TYPE_CHECKING:
    import torch

KEEPS = "adapter"
MEMORY = 1  # The frozen weights; the adapter, its gradients and moments are small beside them.
CHECKPOINT = 3  # The adapter and AdamW's two moments.
# The projections of diffusers' attention layers; the last four are those of the prompt's stream in a transformer.
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
BEFORE, TRAINED = "before", "trained"  # Names of adapters in a network: those of earlier fine-tunes, and this one's.
FILE, PREFIX = "adapter_model.safetensors", "base_model.model."  # Of PEFT's format.


class Settings(Section):
    """LoRA: low-rank adapters beside chosen layers are trained, and a cell keeps them alone.

    An adapter wants a larger learning rate than the whole network: the scripts of diffusers take 1.0e-4.
    """

    rank: PositiveInt = Field(4, description="Rank of an adapter (diffusers' default).")
    alpha: PositiveFloat | None = Field(
        None, description="An adapter's product is scaled by `alpha` / `rank`. None: `rank` (diffusers' default)."
    )
    targets: list[str] | None = Field(
        None,
        min_length=1,
        description="Layers that get an adapter, by the ends of their names. None: the projections of all attention "
        "layers, as in diffusers' scripts.",
    )
    chain: Literal["stack", "continue"] = Field(
        "stack",
        description="How the adapters of successive iterations follow each other. `stack`: an iteration trains a new "
        "adapter, and those before are frozen, as if they were merged into the base model; a cell keeps all of them, "
        "and the rank of the whole change grows by `rank` each iteration. `continue`: an iteration trains the adapter "
        "of the one before further, with its rank, alpha and targets.",
    )


def check(engine: Engine, model: Path, settings: Settings) -> None:
    """Refuse a target that no layer of the base model's network is called.

    Raises:
        ModelError: names the target.
    """
    layers = shapes(model / engine.COMPONENT, "diffusion_pytorch_model")
    for target in settings.targets or ():
        if not any(_is_of(name, target) and len(shape) > 1 for name, shape in layers.items()):
            raise ModelError(
                f"finetune.trainable.lora.targets: {model / engine.COMPONENT} has no layer {target!r} with a matrix of "
                "weights; name layers as in its safetensors, without `.weight`, or their ends, such as to_q"
            )


def load(engine: Engine, model: Path, trained: Path | None) -> Any:
    """Return the base model's network, with the adapters of ``trained`` merged into its weights."""
    network = engine.network(model / engine.COMPONENT)
    if trained:
        _add(network, trained, TRAINED)
        network.fuse_lora()
        network.unload_lora()
    return network


def prepare(engine: Engine, model: Path, start: Path | None, settings: Settings) -> Any:
    """Return the base model's network, frozen, with an adapter that is trained.

    A new adapter begins as diffusers' scripts have it: one factor is normal with standard deviation 1 / rank, the
    other zero, so that it changes nothing yet.

    Raises:
        ModelError: a target is no layer of the network.
    """
    from peft import LoraConfig

    check(engine, model, settings)
    network = engine.network(model / engine.COMPONENT).requires_grad_(False)
    if start:
        _add(network, start, TRAINED if settings.chain == "continue" else BEFORE)
    if not start or settings.chain == "stack":
        alpha: Any = settings.alpha or settings.rank  # Annotated as an integer, and only divided by the rank.
        targets = list(settings.targets or ATTENTION)
        config = LoraConfig(r=settings.rank, lora_alpha=alpha, target_modules=targets, init_lora_weights="gaussian")
        network.add_adapter(config, TRAINED)
    network.set_adapter(list(network.peft_config))
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(f".{TRAINED}." in name)
    return network


def parameters(network: Any) -> "Iterable[torch.nn.Parameter]":
    """Return the factors of the adapter that is trained."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def save(network: Any, folder: Path) -> None:
    """Write one adapter that is the sum of the network's, in PEFT's format.

    The sum of two products of factors is the product of the factors put side by side.
    """
    import torch
    from peft import LoraConfig
    from peft.tuners.lora import LoraLayer
    from safetensors.torch import save_file

    tensors, ranks, alphas = {}, {}, dict[str, Any]()
    layers: dict[str, Any] = {name: each for name, each in network.named_modules() if isinstance(each, LoraLayer)}
    for name, layer in layers.items():
        adapters = [adapter for adapter in (BEFORE, TRAINED) if adapter in layer.scaling]
        scale = layer.scaling[adapters[-1]]
        down = torch.cat([layer.lora_A[adapter].weight for adapter in adapters])
        up = torch.cat([layer.lora_B[adapter].weight * (layer.scaling[adapter] / scale) for adapter in adapters], 1)
        tensors[f"{PREFIX}{name}.lora_A.weight"] = down.detach().cpu().contiguous()
        tensors[f"{PREFIX}{name}.lora_B.weight"] = up.detach().cpu().contiguous()
        ranks[name], alphas[name] = len(down), len(down) * scale
    rank, alpha = max(ranks.values()), max(alphas.values())
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=sorted(ranks),
        # `^`: PEFT takes a name in these patterns for the end of a name otherwise.
        rank_pattern={f"^{re.escape(name)}": value for name, value in ranks.items() if value != rank},
        alpha_pattern={f"^{re.escape(name)}": value for name, value in alphas.items() if value != alpha},
    )
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(str(folder))
    save_file(tensors, folder / FILE, metadata={"format": "pt"})


def size(parameters: Shapes, settings: Settings) -> int:
    """Return the bytes of one adapter's factors."""
    targets = settings.targets or ATTENTION
    layers = [shape for name, shape in parameters.items() if any(_is_of(name, target) for target in targets)]
    return 4 * settings.rank * sum(outer + prod(inner) for outer, *inner in layers if inner)


def kept(parameters: Shapes, settings: Settings, length: int) -> int:
    """Return the bytes of all adapters that a cell keeps."""
    return size(parameters, settings) * (length if settings.chain == "stack" else 1)


def operations(flops: Flops) -> int:
    """Return those of a forward pass and of the gradients of activations: as many again. The adapter's are few."""
    return 2 * flops.forward


def _is_of(weight: str, target: str) -> bool:
    """Say whether a weight is that of a layer whose name ends in ``target``, by whole parts of the name."""
    return f".{weight}".endswith(f".{target}.weight")


def _add(network: Any, folder: Path, name: str) -> None:
    """Put the adapter that ``save`` has written into a network.

    Raises:
        ModelError: it is not an adapter of this network.
    """
    from peft import LoraConfig, set_peft_model_state_dict
    from safetensors.torch import load_file

    network.add_adapter(LoraConfig.from_pretrained(str(folder)), name)
    tensors = {key.removeprefix(PREFIX): tensor for key, tensor in load_file(folder / FILE).items()}
    wanted = {key.replace(f".{name}.", ".") for key in network.state_dict() if f".{name}." in key}
    if wanted != set(tensors):
        raise ModelError(f"{folder}: not an adapter of this network; it was trained on another base model")
    set_peft_model_state_dict(network, tensors, adapter_name=name)
