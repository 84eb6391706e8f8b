"""Weights that the configuration names: which download brings them, what identifies them, whether they can be used."""

import json
from pathlib import Path
from typing import NamedTuple

from scripts.lib.base.deepface import DEEPFACE_WEIGHTS, check_deepface
from scripts.lib.base.hashes import content
from scripts.lib.base.kinds import kinds
from scripts.lib.base.safetensors_files import ModelError, read_json
from scripts.lib.engines import pipelines
from scripts.lib.engines.engine import engine_of
from scripts.lib.experiment.cell import BASE
from scripts.lib.experiment.config.download import Download
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.config.features import NETWORKS, features_of
from scripts.lib.experiment.lineage import bases
from scripts.lib.training.trainable import trainable_of

FETCHED = ".download.json"  # In a folder that was fetched: from where, and the SHA-256 of what came.


def download_of(experiment: Experiment, path: str | Path) -> str | None:
    """Return the path under ``downloads`` that brings a file or folder: its own, or that of a folder around it."""
    around = [str(parent) for parent in (Path(path), *Path(path).parents)]
    return next((key for key in experiment.downloads if str(Path(key)) in around), None)


def identity(experiment: Experiment, path: str | Path) -> str:
    """Return what identifies weights: the pin of their download, else a digest of their content.

    A pin does not change when the weights arrive, so that a download makes no finished job due again. It counts for
    what ``downloads`` fetched, which ``check`` has found unchanged, and not for a folder that somebody put there.
    """
    key = download_of(experiment, path)
    if key is None:
        return pipelines.digest(path)
    source = experiment.downloads[key]
    if source.sha256 is not None:
        return source.sha256
    if Path(key).exists() and not (Path(key) / FETCHED).is_file():
        return pipelines.digest(path)
    return " ".join([source.repository or "", source.revision or "", *(source.files or [])])


def record_fetched(folder: Path, repository: str, revision: str, files: list[str] | None) -> None:
    """Note in a folder that was fetched where it comes from and what it holds."""
    record = {"repository": repository, "revision": revision, "files": files, "sha256": content(folder)}
    (folder / FETCHED).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


class Use(NamedTuple):
    """Weights and what they are loaded as: a feature network, or, without one, the base model."""

    network: str | None
    path: str


def uses(experiment: Experiment) -> dict[str, Use]:
    """Return the weights that an experiment loads with torch, by what for."""
    found = {use_of(name): Use(None, experiment.base(name).path) for name in bases(experiment)}
    for embedding, part in experiment.score.embeddings.items():
        found[f"score-{embedding}"] = Use(part.network, part.weights)
    for reward in kinds("rewards"):
        found |= uses_of_reward(experiment, reward)
    return found


def use_of(model: str) -> str:
    """Return what a base model's use is called."""
    return "model" if model == BASE else f"model-{model}"


def uses_of_reward(experiment: Experiment, reward: str) -> dict[str, Use]:
    """Return the weights that a score of single images loads; none where the configuration does not name it."""
    settings = getattr(experiment.rewards, reward)
    return {f"{reward}-{part.network}": Use(part.network, part.weights) for part in features_of(settings)}


def check(experiment: Experiment) -> None:
    """Refuse weights that a later job would fail on. What is still to be downloaded is checked when it arrives.

    Raises:
        ValueError: a reward's settings do not fit the weights or the images.
        ModelError: weights are missing, are of another format, do not fit the experiment's images, differ from their
            SHA-256, or are no longer what was fetched.
    """
    for path, source in experiment.downloads.items():
        if source.sha256 and Path(path).is_file():
            check_hash(Path(path), source.sha256)
        elif (Path(path) / FETCHED).is_file():
            _check_fetched(Path(path), source)
    for name in bases(experiment):
        if _there(experiment, experiment.base(name).path):
            _check_base(experiment, name)
    for network, path in dict.fromkeys(uses(experiment).values()):
        if network is not None and _there(experiment, path):
            NETWORKS[network].check(Path(path))
    for name, kind in kinds("rewards").items():
        if (settings := getattr(experiment.rewards, name)) is not None and hasattr(kind, "check"):
            kind.check(settings, experiment.dataset.attributes)
    if deepface := experiment.dataset.deepface:
        folder = Path(deepface.weights)
        asked = [name for name in experiment.dataset.classified if (folder / DEEPFACE_WEIGHTS[name]).is_file()]
        check_deepface(folder, asked, deepface.sha256)


def _check_base(experiment: Experiment, name: str) -> None:
    """Refuse a base model that cannot be used, or does not fit the images or the arms that retrain it."""
    base = experiment.base(name)
    path, arms = Path(base.path), [arm for arm in experiment.arms.values() if arm.model == name]
    pipelines.check(path)
    pipelines.check_resolution(path, experiment.dataset.resolution)
    generate = [base.generate, *(arm.generate for arm in arms)]
    pipelines.check_steps(path, max(settings.steps for settings in generate))
    pipelines.check_modes(path, [*(settings.mode for settings in generate), "txt2img"])
    engine = engine_of(path)
    if hasattr(engine, "GUIDANCE") and any(settings.guidance.kind != "constant" for settings in generate):
        raise ModelError(
            f"generate.guidance: {path} takes its guidance as an input, the same in all steps; set it to constant"
        )
    for settings in generate:
        if settings.mode == "img2img":
            pipelines.check_start(path, settings.steps, settings.strength)
    for arm in arms:
        trainable = arm.finetune.trainable
        trainable_of(trainable.kind).check(engine, path, trainable.settings)


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


def _check_fetched(folder: Path, source: Download) -> None:
    """Refuse a fetched folder that is of another pin, or was changed after it was fetched."""
    record = read_json(folder / FETCHED)
    again = f"remove the folder so that it is fetched again, or correct `downloads.{folder}`"
    for key in ("repository", "revision", "files"):
        if record.get(key) != (wanted := getattr(source, key)):
            raise ModelError(f"{folder}: was fetched with the {key} {record.get(key)}, not {wanted}; {again}")
    if record.get("sha256") != content(folder):
        raise ModelError(
            f"{folder}: its files are no longer those that were fetched; {again} (a folder of your own needs no "
            f"download, and no {FETCHED})"
        )


def _there(experiment: Experiment, path: str) -> bool:
    """Say whether weights are to be checked now: they exist, or nothing brings them."""
    return Path(path).exists() or download_of(experiment, path) is None
