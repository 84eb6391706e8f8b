"""Parts that pipelines and feature networks have in common: whether a folder can be one."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scripts.lib.base.safetensors_files import ModelError, read_json, shapes

TOKENS, WORDS = 77, 49408  # CLIPTextConfig: positions and vocabulary where config.json does not say them.


def read_config(folder: Path) -> dict[str, Any]:
    """Return the ``config.json`` of a network's folder.

    Raises:
        ModelError: the folder is not there, or holds none.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such folder; correct the path in the configuration")
    return read_json(folder / "config.json")


def check_there(folder: Path, components: Iterable[str]) -> None:
    """Refuse a pipeline that lacks the folder of a component.

    Raises:
        ModelError: names the component.
    """
    for component in components:
        if not (folder / component).is_dir():
            raise ModelError(f"{folder}: the component {component!r} is missing; the pipeline is not whole")


def check_classes(folder: Path, classes: Mapping[str, tuple[str, ...]], way_out: str) -> None:
    """Refuse a component whose class, in the pipeline's index or in its own configuration, is not supported.

    Args:
        folder: of the pipeline.
        classes: those that can be used, by component.
        way_out: what to give instead.

    Raises:
        ModelError: names the component and its class.
    """
    index = read_json(folder / "model_index.json")
    for component, known in classes.items():
        own = folder / component / "config.json"
        config = read_json(own) if own.is_file() else {}
        named = [
            (index.get(component) or [None, None])[1],
            config.get("_class_name"),
            *(config.get("architectures") or []),
        ]
        for kind in named:
            if kind is not None and kind not in known:
                raise ModelError(
                    f"{folder}/{component}: a {kind}, but only {' and '.join(known)} is supported here; {way_out}"
                )


def check_fit(folder: Path, wanted: Iterable[tuple[str, Any, Any, str]]) -> None:
    """Refuse a network that does not fit the other parts of its pipeline.

    Args:
        folder: of the network.
        wanted: of each setting of its configuration: name, default, value that fits, and whose value that is.

    Raises:
        ModelError: names the setting and both values.
    """
    config = read_json(folder / "config.json")
    for name, default, value, whose in wanted:
        if (found := config.get(name, default)) != value:
            raise ModelError(
                f"{folder}: its {name} is {found}, but {whose} is {value}; give a text-to-image model whose parts "
                "belong together (inpainting, depth and upscaling models have further inputs)"
            )


def check_autoencoder(folder: Path) -> None:
    """Refuse a folder that does not hold an AutoencoderKL.

    Raises:
        ModelError: another class is in its place, such as TAESD's, or its weights are not whole.
    """
    kind = read_config(folder).get("_class_name")
    if kind != "AutoencoderKL":
        raise ModelError(f"{folder}: config.json names a {kind}, but only an AutoencoderKL can be used here")
    tensors = shapes(folder, "diffusion_pytorch_model")
    if "encoder.conv_in.weight" not in tensors:
        raise ModelError(f"{folder}: the weights lack encoder.conv_in.weight; they are not those of an AutoencoderKL")


def factor_of(folder: Path) -> int:
    """Return how many pixels an edge of a latent stands for, from a pipeline's autoencoder."""
    return 2 ** (len(read_json(folder / "vae" / "config.json").get("block_out_channels", [64])) - 1)


def check_tokenizer(folder: Path, text_config: dict[str, Any]) -> None:
    """Refuse a tokenizer that makes longer prompts than its text encoder has positions.

    Args:
        folder: of the tokenizer.
        text_config: of the encoder, as its config.json says it.

    Raises:
        ModelError: names both lengths.
    """
    positions = text_config.get("max_position_embeddings", TOKENS)
    length = read_json(folder / "tokenizer_config.json").get("model_max_length")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise ModelError(f"{folder}: it has neither tokenizer.json nor vocab.json; fetch the tokenizer again")
    if not isinstance(length, int) or not 2 < length <= positions:
        raise ModelError(
            f"{folder}: the tokenizer's model_max_length is {length}, but the text encoder has {positions} positions; "
            f"save the tokenizer with model_max_length={positions}"
        )
