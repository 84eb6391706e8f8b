"""Feature networks: what each computes, which files it needs, and whether a folder or file can be those."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.lib.base.deepface import DEEPFACE_URL, DEEPFACE_WEIGHTS
from scripts.lib.base.hashes import content
from scripts.lib.base.safetensors_files import ModelError, read_json, refuse_pointer, shapes
from scripts.lib.engines.components import check_autoencoder, check_tokenizer, read_config
from scripts.lib.experiment.choices import Network

FILES: dict[Network, str] = {
    "inception": "pt_inception-2015-12-05-6726825d.pth",
    "inception_192": "inception_v3_google-0cc3c7bd.pth",
    "inception_64": "inception_v3_google-0cc3c7bd.pth",
}
# transformers' CLIPImageProcessor: what it does where preprocessor_config.json does not say it.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
BICUBIC = 3


class Normalization(NamedTuple):
    """Mean and deviation that a CLIP expects of each channel of its images, of values in [0, 1]."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def check(network: Network, weights: Path) -> None:
    """Refuse weights of a feature network that cannot be those. Reads headers only and imports no torch.

    Raises:
        ModelError: says what the network needs.
    """
    if network == "clip":
        check_clip(weights)
    elif network == "vae":
        check_autoencoder(weights)
    elif not weights.is_file():
        raise ModelError(
            f"{weights}: no such file; the network {network!r} needs the file {FILES[network]} (docs/paper.md says "
            "where it is published)"
        )
    else:
        refuse_pointer(weights)


def check_clip(folder: Path) -> None:
    """Refuse a folder that holds no whole CLIP: both towers, their projections, a tokenizer.

    Raises:
        ModelError: another network is there, or it is not whole, or its tokenizer or images are not those of CLIP.
    """
    config = read_config(folder)
    named = config.get("architectures") or [config.get("model_type")]
    if config.get("model_type") != "clip" or named[0] not in ("CLIPModel", "clip"):
        raise ModelError(
            f"{folder}: config.json names a {named[0]}, but the CLIP score needs a CLIPModel, both towers with their "
            "projections; give the folder of one, such as laion/CLIP-ViT-H-14-laion2B-s32B-b79K"
        )
    tensors = shapes(folder, "model")
    if lacking := [name for name in ("text_projection.weight", "visual_projection.weight") if name not in tensors]:
        raise ModelError(f"{folder}: the weights lack {lacking[0]}; give the folder of a whole CLIPModel")
    check_tokenizer(folder, config.get("text_config") or {})
    normalization(folder)


def check_deepface(folder: Path, asked: Sequence[str], hashes: Mapping[str, str]) -> None:
    """Refuse a folder that lacks one of DeepFace's files, or, where a hash is given, has another one.

    Args:
        asked: what DeepFace is asked for: of ``gender``, ``race``, ``age``.
        hashes: SHA-256 of the files by name, where known.

    Raises:
        ModelError: a file is missing, a Git LFS pointer, or of another hash; says which, from where, to where.
    """
    for name in (DEEPFACE_WEIGHTS[attribute] for attribute in asked):
        path = folder / name
        if not path.is_file():
            raise ModelError(
                f"{path}: no such file; put {DEEPFACE_URL}/{name} into the folder {folder} (dataset.deepface.weights), "
                "or say under `downloads` where it comes from (docs/dataset.md)"
            )
        refuse_pointer(path)
        if name in hashes and (found := content(path)) != hashes[name].lower():
            raise ModelError(
                f"{path}: its SHA-256 is {found}, dataset.deepface.sha256 says {hashes[name]}; fetch the file again, "
                "or correct the hash"
            )


def check_hash(path: Path, expected: str) -> None:
    """Refuse a file whose SHA-256 does not begin with ``expected`` (hexadecimal).

    Raises:
        ModelError: the message names both hashes.
    """
    if not (actual := content(path)).startswith(expected):
        raise ModelError(
            f"{path}: its SHA-256 is {actual}, expected {expected}; remove the file so that it is fetched again, or "
            "correct the hash under `downloads`"
        )


def normalization(folder: Path) -> Normalization:
    """Return how a CLIP wants its images normalized, as its ``preprocessor_config.json`` says.

    Raises:
        ModelError: it wants images that are made in another way than here: resized bicubically to the tower's size.
    """
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        return Normalization(CLIP_MEAN, CLIP_DEVIATION)
    says = read_json(path)
    tower = (read_json(folder / "config.json").get("vision_config") or {}).get("image_size", 224)
    edge = says.get("size", tower)
    edge = next(iter(edge.values()), tower) if isinstance(edge, dict) else edge
    for key, value, wanted in (
        ("resample", says.get("resample", BICUBIC), BICUBIC),
        ("size", edge, tower),
        ("do_normalize", says.get("do_normalize", True), True),
    ):
        if value != wanted:
            raise ModelError(
                f"{path}: {key} is {value}, but images are resized bicubically to the tower's {tower} pixels and "
                "normalized here; give a CLIP that is used in this way"
            )
    return Normalization(tuple(says.get("image_mean", CLIP_MEAN)), tuple(says.get("image_std", CLIP_DEVIATION)))
