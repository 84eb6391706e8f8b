"""Safetensors files and the folders that hold them, looked at without reading any weight.

The format: eight bytes, little-endian, with the length of the header; a JSON header that gives each tensor's type,
shape and place; the data (https://github.com/huggingface/safetensors, "Format").
"""

import json
from pathlib import Path
from typing import Any

POINTER = b"version https://git-lfs"
LONGEST_HEADER = 100_000_000  # The limit of the safetensors library, in bytes.
PICKLES = ("bin", "pt", "pth", "ckpt")

Shapes = dict[str, tuple[int, ...]]


class ModelError(ValueError):
    """Weights cannot be used; the message names the folder or file, what is wrong and the fix."""


def read_json(path: Path) -> dict[str, Any]:
    """Return the object that a JSON file of a model holds.

    Raises:
        ModelError: the file is missing, a Git LFS pointer, or no JSON object.
    """
    if not path.is_file():
        raise ModelError(f"{path}: missing; the model is not whole")
    refuse_pointer(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path}: not JSON ({error}); fetch the model again") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: not a JSON object; fetch the model again")
    return content


def refuse_pointer(path: Path) -> None:
    """Refuse a file that only says where Git LFS would find the true one.

    Raises:
        ModelError: it is one; says how to get the file.
    """
    with path.open("rb") as file:
        if file.read(len(POINTER)) == POINTER:
            raise ModelError(
                f"{path}: a Git LFS pointer, not the file; run `git lfs pull` in its repository, or fetch it with "
                "`snakemake downloads`"
            )


def shapes_of_file(path: Path) -> Shapes:
    """Return the names and shapes of a file's tensors, from its header.

    Raises:
        ModelError: the file is a Git LFS pointer, no safetensors file, or cut off.
    """
    refuse_pointer(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(length)) if length <= LONGEST_HEADER else None
            tensors = {name: part for name, part in (header or {}).items() if name != "__metadata__"}
            end = max((part["data_offsets"][1] for part in tensors.values()), default=0)
            shapes = {name: tuple(part["shape"]) for name, part in tensors.items()}
        except (ValueError, AttributeError, KeyError, IndexError, TypeError):
            header = None
    if header is None:
        raise ModelError(f"{path}: not a safetensors file ({size} bytes), or cut off in its header; fetch it again")
    if size != 8 + length + end:
        raise ModelError(f"{path}: has {size} bytes, its header says {8 + length + end}; it is cut off, fetch it again")
    return shapes


def shapes(folder: Path, stem: str) -> Shapes:
    """Return the names and shapes of the tensors that ``from_pretrained`` would load from a folder.

    Args:
        folder: of one component.
        stem: what its library calls the weights: ``diffusion_pytorch_model`` (diffusers), ``model`` (transformers).

    Raises:
        ModelError: no weights exist, or only pickled ones, a variant (``*.fp16.safetensors``) or other files such
            as a LoRA's; a shard or the index is missing; a file is cut off or a pointer; there is no tensor.
    """
    whole, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    if whole.is_file() and index.is_file():
        raise ModelError(f"{folder}: {whole.name} and {index.name} are both there; remove the one that is not meant")
    if whole.is_file():
        found = shapes_of_file(whole)
    elif index.is_file():
        found = _shapes_of_shards(folder, index)
    else:
        raise ModelError(_why_none(folder, stem))
    if not found:
        raise ModelError(f"{folder}: the weights hold no tensor; fetch them again")
    return found


def _shapes_of_shards(folder: Path, index: Path) -> Shapes:
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ModelError(f"{index}: names no shard in `weight_map`; fetch it again")
    found: Shapes = {}
    for shard in sorted(set(places.values())):
        if not (folder / shard).is_file():
            raise ModelError(f"{folder}: the shard {shard} is missing, which {index.name} names; fetch it again")
        found |= shapes_of_file(folder / shard)
    if lost := sorted(set(places) - set(found)):
        raise ModelError(f"{folder}: {lost[0]!r} is in no shard, but in {index.name}; fetch the folder again")
    return found


def _why_none(folder: Path, stem: str) -> str:
    """Say why a folder holds no weights that can be loaded, and what to do about it."""
    names = sorted(path.name for path in folder.glob("*.safetensors"))
    if any(name.startswith(f"{stem}-") for name in names):
        return f"{folder}: it has shards, but no {stem}.safetensors.index.json that joins them; fetch it too"
    if names and all(name.startswith(f"{stem}.") for name in names):
        return (
            f"{folder}: it has only a variant of the weights ({', '.join(names)}); load it with "
            "from_pretrained(FOLDER, variant=VARIANT) and save it with save_pretrained(FOLDER)"
        )
    if names:
        return (
            f"{folder}: no {stem}.safetensors, only {', '.join(names)}, which are no weights of a whole network; give "
            "the folder of the network, and put a LoRA into it with fuse_lora() and save_pretrained(FOLDER)"
        )
    pickled = sorted(path.name for suffix in PICKLES for path in folder.glob(f"*.{suffix}"))
    if pickled:
        return (
            f"{folder}: the weights are pickled ({', '.join(pickled)}), and loading a pickle runs code; convert them "
            "with model.save_pretrained(FOLDER, safe_serialization=True) on a machine where you trust them"
        )
    return f"{folder}: no weights ({stem}.safetensors) there; give the folder of the whole component"
