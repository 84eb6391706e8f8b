"""Parts that pipelines and feature networks have in common: whether a folder can be one."""

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
