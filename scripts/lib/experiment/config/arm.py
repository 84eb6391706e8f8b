"""One lineage of models."""

import re
from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, ValidationInfo, model_validator

from scripts.lib.experiment.cell import BASE, FLOOR, REAL
from scripts.lib.experiment.config.curation import Regime, Step
from scripts.lib.experiment.config.finetune import Finetune
from scripts.lib.experiment.config.generate import Generate
from scripts.lib.experiment.config.merge import Merge
from scripts.lib.experiment.config.operand import Operand
from scripts.lib.experiment.config.section import Name, Section, Share
from scripts.lib.experiment.config.source import SELF, Source

# What else lies in an experiment's folder: an arm is a folder beside them. `floor` is an arm in the table of scores.
FOLDERS = {"base", "benchmarks", "dataset", "explorer", "figures", "floor", "logs", "tables"}
FILE_NAME = re.compile(r"\.[A-Za-z]+$")


class Arm(Section):
    """One lineage of models: a chain of iterations of fine-tuning and generating."""

    model: Name = Field(
        BASE,
        description="Which base model it retrains: `base`, that of the key `model`, or a name of `models`. An arm that "
        "does not say it has its parent's.",
    )
    iterations: PositiveInt = Field(5, description="Iterations of this arm, counted on from its parent.")
    synthetic: Share = Field(1.0, description="Share of generated images in the training set, 0 to 1.")
    real: Literal["fixed", "fresh"] = Field(
        "fixed",
        description="The real images of the training set: the same in each iteration, or from the second iteration on "
        "new ones of the same groups, which no iteration before and no reference has.",
    )
    real_per_group: PositiveInt | None = Field(
        None,
        description="Real images per group that the arm has, such as 3 for a healing arm; none: all of "
        "`dataset.per_group`. The training set has that many slots per group, of which `synthetic` is the share of "
        "generated ones. Fewer images are fewer optimizer steps, unless `finetune.steps` says how many.",
    )
    sources: dict[Name, Source] = Field(
        default_factory=lambda: {SELF: Source(share=1)},
        description="Whose generated images train, and their shares, which add to 1: `self`, the name of another arm, "
        "`base` or a name of `models` for what a base model makes, or a name of your own for a folder of images. With "
        "`{self: 0.5, other: 0.5}`, two arms can feed each other.",
    )
    regime: Regime = Field(
        default_factory=lambda: Regime.model_validate("replace"),
        description="Which iterations' generated images may train, and how they and the real ones make a training set.",
    )
    curate: list[Step] = Field(
        [], description="What is done to the generated images before they are mixed in: steps, in order."
    )
    init: Literal["previous", "base"] = Field(
        "previous",
        description="Each fine-tune starts from the model of the iteration before, or from the arm's base model.",
    )
    merge: Merge | None = Field(
        None,
        description="In the place of a fine-tune: a merge of two models. The arm has one iteration, after those of the "
        "two.",
    )
    parent: str | None = Field(None, description="Arm whose model this one continues from; none: the base model.")
    from_iteration: PositiveInt | None = Field(None, description="Iteration of the parent whose model that is.")
    finetune: Finetune = Field(default_factory=Finetune, description="Overrides of `finetune`.")
    generate: Generate = Field(default_factory=Generate, description="Overrides of `generate`.")

    @model_validator(mode="after")
    def _parent_and_its_iteration_go_together(self) -> Self:
        if (self.parent is None) != (self.from_iteration is None):
            raise ValueError("`parent` and `from_iteration` go together")
        return self

    @model_validator(mode="after")
    def _sources_add_to_one(self) -> Self:
        if abs((total := sum(source.share for source in self.sources.values())) - 1) > 1e-9:
            shares = {name: source.share for name, source in self.sources.items()}
            raise ValueError(f"`sources`: the shares must add to 1, but {shares} add to {total:g}")
        return self

    @model_validator(mode="after")
    def _a_merge_makes_one_model(self) -> Self:
        if self.merge is not None and (self.iterations != 1 or self.parent is None):
            raise ValueError(
                "`merge`: makes one model after its parent's; set `iterations: 1`, `parent`, `from_iteration`"
            )
        if self.merge is not None and self.finetune.trainable.kind != "full":
            raise ValueError("`merge`: makes a whole network; set `finetune.trainable` of this arm to full")
        return self

    @property
    def first_iteration(self) -> int:
        return (self.from_iteration or 0) + 1

    @property
    def last_iteration(self) -> int:
        return (self.from_iteration or 0) + self.iterations


def refuse_taken_names(names: Any) -> Any:
    """Refuse names of arms or models whose folders would lie where something else of the results does."""
    for name in names:
        if name in FOLDERS or FILE_NAME.search(name):
            raise ValueError(
                f"`{name}`: the name is taken, or can be, by a file or folder of the results; choose another, without "
                f"an ending such as .csv, and none of {', '.join(sorted(FOLDERS))}"
            )
    return names


def _bases(info: ValidationInfo) -> list[str]:
    """Return the names of the base models."""
    return [BASE, *info.data.get("models", {})]


def _refuse_models_that_are_none(arms: dict[str, Arm], info: ValidationInfo) -> dict[str, Arm]:
    for name, arm in arms.items():
        if arm.model not in (known := _bases(info)):
            raise ValueError(f"`{name}.model`: there is no base model {arm.model!r}; name one of {known}, or add it")
    return arms


def _refuse_names_that_differ_in_case_only(arms: dict[str, Arm], info: ValidationInfo) -> dict[str, Arm]:
    seen: dict[str, str] = {}
    for name in arms:
        if name in _bases(info):
            raise ValueError(f"`{name}`: a base model of `models` has this name; rename one of them")
        if (other := seen.setdefault(name.lower(), name)) != name:
            raise ValueError(
                f"`{name}`: `{other}` and `{name}` would be one folder where a file system ignores case; rename one"
            )
    return arms


def _refuse_parents_that_are_no_arm(arms: dict[str, Arm]) -> dict[str, Arm]:
    for name, arm in arms.items():
        if arm.parent is not None and arm.parent not in arms:
            raise ValueError(f"`{name}.parent`: there is no arm {arm.parent!r}; one of {sorted(arms)}")
    return arms


def _refuse_cycles(arms: dict[str, Arm]) -> dict[str, Arm]:
    for name in arms:
        line = [name]
        while (parent := arms[line[-1]].parent) is not None:
            if parent in line:
                raise ValueError(f"`{name}.parent`: a cycle, {' → '.join([*line, parent])}")
            line.append(parent)
    return arms


def _refuse_iterations_that_the_parent_has_not(arms: dict[str, Arm]) -> dict[str, Arm]:
    for name, arm in arms.items():
        if arm.parent is None or arm.from_iteration is None:
            continue
        first, last = arms[arm.parent].first_iteration, arms[arm.parent].last_iteration
        if not first <= arm.from_iteration <= last:
            raise ValueError(
                f"`{name}.from_iteration`: is {arm.from_iteration}, but {arm.parent!r} has the iterations "
                f"{first} to {last}"
            )
    return arms


def model_at(arms: Mapping[str, Arm], name: str, iteration: int) -> tuple[str, int]:
    """Return arm and iteration of an arm's model: the last one after its end, its ancestor's before its start."""
    while name in arms and iteration < arms[name].first_iteration:
        name = arms[name].parent or arms[name].model
    return (name, min(iteration, arms[name].last_iteration)) if name in arms else (name, 0)


def _refuse_parents_of_another_model(arms: dict[str, Arm]) -> dict[str, Arm]:
    for name, arm in arms.items():
        if arm.parent is not None and arm.init == "previous" and arm.model != (other := arms[arm.parent].model):
            raise ValueError(
                f"`{name}.model`: is {arm.model!r}, but its parent {arm.parent!r} retrains {other!r}; leave the key "
                "out, or set `init: base` to start from the base model, on the parent's images"
            )
    return arms


def _refuse_sources_that_are_none(arms: dict[str, Arm], info: ValidationInfo) -> dict[str, Arm]:
    folders: dict[str, Source] = {}
    bases = _bases(info)
    every = [(arm, name, source) for arm in arms for name, source in arms[arm].sources.items()]
    for arm, name, source in every:
        place, model = f"`{arm}.sources.{name}`", name in {SELF, *bases, *arms}
        if source.path is None and not model:
            known = [SELF, *bases, *sorted(set(arms) - {arm})]
            raise ValueError(f"{place}: there is no such arm; one of {known}, or a folder of images with `path`")
        if source.path is not None and (model or name in {FLOOR, REAL}):
            raise ValueError(f"{place}: a folder of images needs a name of its own, which no arm has")
        if name == arm or (name in {SELF, *bases} and source.iteration == "same"):
            raise ValueError(f"{place}: an arm's own images are `self`, of the iteration before; correct it")
        first = folders.setdefault(name, source)
        if source.path is not None and (first.path, first.labels) != (source.path, source.labels):
            raise ValueError(f"{place}: another arm has another folder of this name; rename one")
    return arms


def at_once(arms: Mapping[str, Arm], iteration: int) -> dict[str, list[str]]:
    """Return for each arm that has an iteration the other arms on whose images of the same iteration it trains."""
    return {
        name: [
            model_at(arms, other, iteration)[0]
            for other, source in arm.sources.items()
            if arm.synthetic and source.iteration == "same" and model_at(arms, other, iteration)[1] == iteration
        ]
        for name, arm in arms.items()
        if arm.first_iteration <= iteration <= arm.last_iteration
    }


def _refuse_arms_that_feed_themselves(arms: dict[str, Arm]) -> dict[str, Arm]:
    """Refuse a chain of arms that train on each other's images of the same iteration."""
    for iteration in range(1, 1 + max((arm.last_iteration for arm in arms.values()), default=0)):
        try:
            TopologicalSorter(at_once(arms, iteration)).prepare()
        except CycleError as error:
            cycle = error.args[1][::-1]
            raise ValueError(
                f"`{cycle[0]}.sources`: {cycle[0]} feeds itself in iteration {iteration}, {' ← '.join(cycle)}; let one "
                "of them train on the iteration before (iteration: previous)"
            ) from None
    return arms


def operands(arms: Mapping[str, Arm], name: str) -> list[tuple[str, int]]:
    """Return arm and iteration of the two models that an arm merges; none where it trains."""
    arm = arms[name]
    if arm.merge is None:
        return []
    settings: Any = arm.merge.settings  # A merge's own section, which has both.
    parent = (arm.parent or arm.model, arm.from_iteration or 0)
    return [model_of(arms, name, one) if one is not None else parent for one in (settings.of, settings.other)]


def model_of(arms: Mapping[str, Arm], name: str, operand: Operand) -> tuple[str, int]:
    """Return arm and iteration of the model that an operand of the arm ``name`` names."""
    if operand.arm is None or operand.arm not in arms:
        return operand.arm or arms[name].model, 0
    return operand.arm, operand.iteration or arms[operand.arm].last_iteration


def _check_operand(arms: Mapping[str, Arm], bases: Collection[str], name: str, place: str, operand: Operand) -> None:
    """Refuse a model that is none, of another base model, or made after the arm ``name`` begins."""
    arm = arms[name]
    if operand.arm not in {None, *bases, *arms}:
        raise ValueError(f"{place}.arm`: there is no arm {operand.arm!r}; one of {[*bases, *sorted(arms)]}")
    of, iteration = model_of(arms, name, operand)
    if (model := arms[of].model if of in arms else of) != arm.model:
        raise ValueError(
            f"{place}`: is of the base model {model!r}, but the arm retrains {arm.model!r}; name a model of that one"
        )
    if of in arms and not arms[of].first_iteration <= iteration <= arms[of].last_iteration:
        first, last = arms[of].first_iteration, arms[of].last_iteration
        raise ValueError(f"{place}.iteration`: is {iteration}, but {of!r} has {first} to {last}")
    if iteration >= (first := arm.first_iteration):
        raise ValueError(
            f"{place}`: is a model of iteration {iteration}, but {name} begins with iteration {first}; set "
            f"`from_iteration` to {iteration} or more, or name an earlier model"
        )


def _refuse_operands_that_are_none(arms: dict[str, Arm], info: ValidationInfo) -> dict[str, Arm]:
    bases = _bases(info)
    for name, arm in arms.items():
        if arm.generate.extrapolate is not None:
            _check_operand(arms, bases, name, f"`{name}.generate.extrapolate.of", arm.generate.extrapolate.of)
        if arm.merge is None:
            continue
        place = f"`{name}.merge.{arm.merge.kind}"
        for key in ("of", "other"):
            if (operand := getattr(arm.merge.settings, key)) is not None:
                _check_operand(arms, bases, name, f"{place}.{key}", operand)
        if len(set(operands(arms, name))) == 1:
            raise ValueError(f"{place}`: merges a model with itself; name another one in `of` or `other`")
    return arms


Arms = Annotated[
    dict[Name, Arm],
    AfterValidator(refuse_taken_names),
    AfterValidator(_refuse_models_that_are_none),
    AfterValidator(_refuse_names_that_differ_in_case_only),
    AfterValidator(_refuse_parents_that_are_no_arm),
    AfterValidator(_refuse_cycles),
    AfterValidator(_refuse_iterations_that_the_parent_has_not),
    AfterValidator(_refuse_parents_of_another_model),
    AfterValidator(_refuse_operands_that_are_none),
    AfterValidator(_refuse_sources_that_are_none),
    AfterValidator(_refuse_arms_that_feed_themselves),
]
