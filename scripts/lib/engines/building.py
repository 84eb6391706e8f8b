"""Networks built from their folders without their weights: names and shapes are compared, values are not read."""

from pathlib import Path
from typing import Any

from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.engines import pipelines
from scripts.lib.engines.components import TOKENS, WORDS

LEGACY_END = 2  # The end token of CLIP configurations that transformers reads as "the largest of the prompt".


def on_meta(kind: Any, folder: Path) -> Any:
    """Return a network on torch's meta device.

    Raises:
        ModelError: no network of that class can be built from the folder.
    """
    try:
        return pipelines.load(kind, folder, device_map="meta")
    except ModelError:
        raise
    except Exception as error:  # The libraries raise almost anything for a configuration that they cannot build.
        raise ModelError(
            f"{folder}: no {kind.__name__} can be built from it: {first_line(error)}; give the folder that its "
            "save_pretrained wrote"
        ) from error


def check_words(folder: Path, config: Any, *, pooled: bool = False) -> None:
    """Refuse a tokenizer whose words or end token are not those of its text encoder."""
    from transformers import CLIPTokenizer  # The workflow imports every module of this room.

    try:
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise ModelError(f"{folder}: no CLIPTokenizer can be built from it: {first_line(error)}") from error
    words = getattr(config, "vocab_size", WORDS)
    if (most := max(tokenizer.get_vocab().values())) >= words:
        raise ModelError(
            f"{folder}: the tokenizer has a word of number {most}, but the text encoder knows {words} words; give the "
            "tokenizer of this model"
        )
    if tokenizer.model_max_length > (positions := getattr(config, "max_position_embeddings", TOKENS)):
        raise ModelError(
            f"{folder}: the tokenizer's model_max_length is {tokenizer.model_max_length}, but the text encoder has "
            f"{positions} positions"
        )
    if pooled and config.eos_token_id not in (LEGACY_END, tokenizer.eos_token_id):
        raise ModelError(
            f"{folder}: text_config.eos_token_id is {config.eos_token_id}, but the tokenizer ends a prompt with "
            f"{tokenizer.eos_token_id}, so that every embedding would be taken from another word; correct config.json"
        )


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or what the error is."""
    return (str(error).strip() or repr(error)).splitlines()[0]
