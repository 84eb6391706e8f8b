"""Weights that the configuration names: which download brings them, and what identifies them."""

from pathlib import Path

from scripts.lib.engines import pipelines
from scripts.lib.experiment.choices import Network
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.config.features import features_of


def download_of(experiment: Experiment, path: str | Path) -> str | None:
    """Return the path under ``downloads`` that brings a file or folder: its own, or that of a folder around it."""
    around = [str(parent) for parent in (Path(path), *Path(path).parents)]
    return next((key for key in experiment.downloads if str(Path(key)) in around), None)


def identity(experiment: Experiment, path: str | Path) -> str:
    """Return what identifies weights: the pin of their download, else a digest of the files.

    A pin does not change when the weights arrive, so that a download makes no finished job due again.
    """
    key = download_of(experiment, path)
    if key is None:
        return pipelines.digest(path)
    return " ".join(value for _, value in experiment.downloads[key] if value is not None)


def check(experiment: Experiment) -> None:
    """Refuse weights that a later job would fail on. What is still to be downloaded is checked when it arrives.

    Raises:
        ModelError: weights are missing, are of another format, or differ from their SHA-256.
    """
    if _there(experiment, experiment.model):
        pipelines.check(Path(experiment.model))
    networks: list[tuple[Network, str]] = [("clip", experiment.score.clip)]
    networks += [(part.network, part.weights) for part in features_of(experiment)]
    for network, path in networks:
        if _there(experiment, path):
            pipelines.check_network(network, Path(path))
    for path, source in experiment.downloads.items():
        if source.sha256 and Path(path).is_file():
            pipelines.check_hash(Path(path), source.sha256)


def _there(experiment: Experiment, path: str) -> bool:
    """Say whether weights are to be checked now: they are there, or nothing brings them."""
    return Path(path).exists() or download_of(experiment, path) is None
