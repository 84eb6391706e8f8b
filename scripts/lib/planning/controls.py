"""Whether every filter of an experiment has its control: a `random` step that leaves as many images."""

from math import prod
from typing import Any

from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.config.arm import Arm
from scripts.lib.experiment.config.choice import Choice
from scripts.lib.experiment.config.experiment import Experiment

CONTROL = "random"


def unmatched(experiment: Experiment) -> list[str]:
    """Say which filters have no control of equal size, and how to write one; arms of equal steps share a message."""
    lacking: dict[str, list[str]] = {}
    for name, arm in experiment.arms.items():
        filters = [step for step in _filters(arm) if step.kind != CONTROL]
        if arm.synthetic and filters and not any(_controls(other, arm) for other in experiment.arms.values()):
            lacking.setdefault(_message(arm), []).append(f"`{name}`")
    return [f"arms: {', '.join(names)}: {message}" for message, names in lacking.items()]


def kept(step: Choice) -> float | None:
    """Return the share of the slots that keep their own image after a step; None where only a run can tell."""
    kind = kinds("curation")[step.kind]
    if kind.needs(step.settings).rewrites:
        return 1.0
    return kind.keeps(step.settings) if hasattr(kind, "keeps") else None


def _filters(arm: Arm) -> list[Choice]:
    return [step for step in arm.curate if kept(step) != 1]


def _size(arm: Arm) -> float | None:
    shares = [kept(step) for step in arm.curate]
    return None if None in shares else prod(share for share in shares if share is not None)


def _controls(other: Arm, arm: Arm) -> bool:
    """Say whether an arm is another one's control: alike but for `random` steps in the place of its filters."""
    if other.iterations < arm.iterations or _others(other) != _others(arm):
        return False
    ours, theirs = _filters(other), _filters(arm)
    same_size = _size(arm) is None or abs((_size(other) or 0) - (_size(arm) or 0)) < 0.005
    alike = _on_reject(ours) == _on_reject(theirs)
    return bool(ours) and all(step.kind == CONTROL for step in ours) and same_size and alike


def _others(arm: Arm) -> dict[str, Any]:
    """Return what an arm and its control share: all settings, and the steps that are no filters."""
    rest = [step.model_dump() for step in arm.curate if kept(step) == 1]
    return arm.model_dump(exclude={"iterations", "curate"}) | {"curate": rest}


def _on_reject(filters: list[Choice]) -> str:
    """Return what becomes of the slots of rejected images: the filters' ``on_reject``, and `drop` where none has it."""
    settings = (step.settings.model_dump().get("on_reject", "drop") for step in filters)
    return "drop" if "drop" in settings else "replace"


def _message(arm: Arm) -> str:
    filters, size = _filters(arm), _size(arm)
    share = "SHARE" if size is None else f"{size:.3g}"
    control = f"{{random: {{keep: {share}, on_reject: {_on_reject(filters)}}}}}"
    steps = ", ".join([control, *(_written(step) for step in arm.curate if kept(step) == 1)])
    where = " SHARE is what the filter keeps: the mean of `accepted` in the tables below `curation/` of its cells."
    names = " and ".join(dict.fromkeys(f"`{step.kind}`" for step in filters))
    return (
        f"no arm has a `random` step of equal size beside {names}, so that no result can tell what the filter chooses "
        f"from how many images it leaves. To add one, repeat the arm under another name with `curate: [{steps}]`."
        f"{where if size is None else ''}"
    )


def _written(step: Choice) -> str:
    """Return a step as YAML has it, with the settings that are not the defaults."""
    settings = step.settings.model_dump(exclude_defaults=True)
    inner = ", ".join(f"{key}: {value}" for key, value in settings.items())
    return f"{{{step.kind}: {{{inner}}}}}" if settings else step.kind
