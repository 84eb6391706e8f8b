"""The files of DeepFace's networks: which, where from, and whether they are the right ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.lib.choices import DEEPFACE_WEIGHTS
from scripts.lib.provenance import sha256

URL = "https://github.com/serengil/deepface_models/releases/download/v1.0"


def check_weights(folder: Path, asked: Sequence[str], hashes: Mapping[str, str]) -> None:
    """Check that DeepFace's files are there and, where a hash is given, are the right ones.

    Raises:
        FileNotFoundError: a file is missing; says which, from where, to where.
        ValueError: the SHA-256 of a file differs.
    """
    for name in (DEEPFACE_WEIGHTS[attribute] for attribute in asked):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder / name}: no such file; put {URL}/{name} into the folder {folder} (dataset.deepface.weights)"
            )
        if name in hashes and (found := sha256(folder / name)) != hashes[name].lower():
            raise ValueError(
                f"{folder / name}: its SHA-256 is {found}, dataset.deepface.sha256 says {hashes[name]}; fetch the file "
                "again, or correct the hash"
            )
