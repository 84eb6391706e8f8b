"""The published files of the two Inception-v3."""

from pathlib import Path

from scripts.lib.base.safetensors_files import ModelError, refuse_pointer

FID = "pt_inception-2015-12-05-6726825d.pth"
IMAGENET = "inception_v3_google-0cc3c7bd.pth"


def check(weights: Path, network: str, published: str) -> None:
    """Refuse a path that is no file, or a Git LFS pointer.

    Raises:
        ModelError: says which file the network needs.
    """
    if not weights.is_file():
        raise ModelError(
            f"{weights}: no such file; the network {network!r} needs the file {published} (docs/paper.md says where it "
            "is published)"
        )
    refuse_pointer(weights)
