"""What the filters of an experiment leave, and whether each has its control: a `random` step of equal size."""

from math import prod
from typing import Any, NamedTuple

from scripts.lib.base.kinds import kinds
from scripts.lib.curation.candidates import Kept, Needs
from scripts.lib.experiment.arms import percent
from scripts.lib.experiment.config.arm import Arm
from scripts.lib.experiment.config.choice import Choice
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.lineage import trained
from scripts.lib.planning.amounts import training_images

CONTROL = "random"
FEW = 10  # Expected images at which chance leaves none in one of 20,000 iterations.


class Size(NamedTuple):
    """What an arm's filters leave.

    Attributes:
        real: whether they judge the real images too.
        kept: the shares that they keep; None where only a run can tell.
        share: how much they leave of all images that they judge; None where only a run can tell.
        on_reject: what becomes of a rejected image's slot.
    """

    real: bool
    kept: Kept | None
    share: float | None
    on_reject: str


def unmatched(experiment: Experiment) -> list[str]:
    """Say which filters have no control of equal size, and how to write one; arms of equal steps share a message."""
    lacking: dict[str, list[str]] = {}
    half = 0.5 / experiment.dataset.per_group  # An image per group is the step of what `random` can keep.
    for name, arm in experiment.arms.items():
        others = [step for step in arm.curate if _filters(step) and step.kind != CONTROL]
        if arm.synthetic and others and not any(_controls(other, arm, half) for other in experiment.arms.values()):
            lacking.setdefault(_message(arm), []).append(f"`{name}`")
    return [f"arms: {', '.join(names)}: {message}" for message, names in lacking.items()]


def size_of(arm: Arm) -> Size:
    """Return what an arm's filters leave."""
    filters = [step for step in arm.curate if _filters(step)]
    every = [_kept(step) for step in filters]
    known = [kept for kept in every if kept is not None]
    kept = Kept(prod(one.generated for one in known), prod(one.real for one in known))
    real = any(_needs(step).judges_real for step in filters)
    on_reject = {step.settings.model_dump().get("on_reject", "drop") for step in filters}
    whole = arm.synthetic * kept.generated + (1 - arm.synthetic) * kept.real if real else kept.generated
    # Of all images, the arm's share is generated under `replace` alone.
    tells = len(known) == len(every) and not (real and arm.regime.kind != "replace")
    return Size(real, kept if tells else None, whole if tells else None, "drop" if "drop" in on_reject else "replace")


def starved(experiment: Experiment) -> list[str]:
    """Say which filters are expected to leave so few images that an iteration may have none to train on."""
    said = []
    first = {cell.arm: cell for cell in reversed(trained(experiment))}
    for name, arm in experiment.arms.items():
        size = size_of(arm)
        if name not in first or size.share is None or size.on_reject != "drop" or arm.regime.kind != "replace":
            continue
        share = size.share if size.real else arm.synthetic * size.share + 1 - arm.synthetic
        images = training_images(experiment, first[name])
        if images * share < FEW:
            said.append(
                f"arms.{name}: its filters leave {images * share:.2g} of {images} images, on average; in an "
                "iteration in which none is left, the arm ends. Let them keep more, or raise dataset.per_group."
            )
    return said


def shares(experiment: Experiment) -> list[str]:
    """Say which share of generated images is expected after filters that keep other shares of real images."""
    said = []
    for name, arm in experiment.arms.items():
        size = size_of(arm)
        if 0 < arm.synthetic < 1 and size.kept is not None and size.real and size.kept.generated != size.kept.real:
            before, after = percent(arm.synthetic), percent(size.kept.share_after(arm.synthetic))
            said.append(f"{name}: {before} generated images before the filters, {after} after.")
    return said


def _needs(step: Choice) -> Needs:
    needs: Needs = kinds("curation")[step.kind].needs(step.settings)
    return needs


def _kept(step: Choice) -> Kept | None:
    kind = kinds("curation")[step.kind]
    return kind.keeps(step.settings) if hasattr(kind, "keeps") else None


def _filters(step: Choice) -> bool:
    """Say whether a step can change how many images train: it rewrites none, and may keep less than all."""
    return not _needs(step).rewrites and _kept(step) != Kept(1.0, 1.0)


def _controls(other: Arm, arm: Arm, tolerance: float) -> bool:
    """Say whether an arm is another one's control: alike but for `random` steps in the place of its filters."""
    filters = [step.kind for step in other.curate if _filters(step)]
    if set(filters) != {CONTROL} or other.iterations < arm.iterations or _others(other) != _others(arm):
        return False
    ours, theirs = size_of(other), size_of(arm)
    same_size = theirs.share is None or ours.share is None or abs(ours.share - theirs.share) < tolerance
    return same_size and (ours.real, ours.on_reject) == (theirs.real, theirs.on_reject)


def _others(arm: Arm) -> dict[str, Any]:
    """Return what an arm and its control share: all settings, and the steps that are no filters."""
    rest = [step.model_dump() for step in arm.curate if not _filters(step)]
    return arm.model_dump(exclude={"iterations", "curate"}) | {"curate": rest}


def _message(arm: Arm) -> str:
    size = size_of(arm)
    share = "SHARE" if size.share is None else f"{size.share:.4g}"
    control = f"{{random: {{keep: {share}, on_reject: {size.on_reject}{', real: true' * size.real}}}}}"
    steps = ", ".join([control, *(_written(step) for step in arm.curate if not _filters(step))])
    where = (
        " SHARE is what is left: the images of its tables `composition.csv` over the real images that there are."
        if size.real
        else " SHARE is what the filter keeps: the mean of `accepted` in the tables below `curation/` of its cells."
    )
    names = " and ".join(dict.fromkeys(f"`{step.kind}`" for step in arm.curate if _filters(step)))
    return (
        f"no arm has a `random` step of equal size beside {names}, so that no result can tell what the filter chooses "
        f"from how many images it leaves. To add one, repeat the arm under another name with `curate: [{steps}]`."
        f"{where if size.share is None else ''}"
    )


def _written(step: Choice) -> str:
    """Return a step as YAML has it, with the settings that are not the defaults."""
    settings = step.settings.model_dump(exclude_defaults=True)
    inner = ", ".join(f"{key}: {value}" for key, value in settings.items())
    return f"{{{step.kind}: {{{inner}}}}}" if settings else step.kind
