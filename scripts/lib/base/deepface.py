"""What DeepFace (0.0.103) calls its ONNX files and its labels; an age is a number."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.lib.base.hashes import content
from scripts.lib.base.safetensors_files import ModelError, refuse_pointer

DEEPFACE_URL = "https://github.com/serengil/deepface_models/releases/download/v1.0"
DEEPFACE_WEIGHTS = {
    "gender": "gender_model_weights.onnx",
    "race": "race_model_single_batch.onnx",
    "age": "age_model_weights.onnx",
}
DEEPFACE_LABELS = {
    "gender": ["Woman", "Man"],
    "race": ["asian", "indian", "black", "white", "middle eastern", "latino hispanic"],
}


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
