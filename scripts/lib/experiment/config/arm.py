"""One lineage of models."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from scripts.lib.experiment.config.curation import Regime, Step
from scripts.lib.experiment.config.finetune import Finetune
from scripts.lib.experiment.config.generate import Generate
from scripts.lib.experiment.config.section import Name, Section, Share

# What else lies in an experiment's folder: an arm is a folder beside them. `floor` is an arm in the table of scores.
FOLDERS = {"base", "benchmarks", "dataset", "explorer", "figures", "floor", "logs", "tables"}
FILE_NAME = re.compile(r"\.[A-Za-z]+$")


class Arm(Section):
    """One lineage of models: a chain of iterations of fine-tuning and generating."""

    iterations: PositiveInt = Field(5, description="Iterations of this arm, counted on from its parent.")
    synthetic: Share = Field(1.0, description="Share of generated images in the training set, 0 to 1.")
    regime: Regime = Field(
        default_factory=lambda: Regime.model_validate("replace"),
        description="Which iterations' generated images may train, and how they and the real ones make a training set.",
    )
    curate: list[Step] = Field(
        [], description="What is done to the generated images before they are mixed in: steps, in order."
    )
    init: Literal["previous", "base"] = Field(
        "previous", description="Each fine-tune starts from the model of the iteration before, or from the base model."
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

    @property
    def first_iteration(self) -> int:
        return (self.from_iteration or 0) + 1

    @property
    def last_iteration(self) -> int:
        return (self.from_iteration or 0) + self.iterations


def _refuse_taken_names(arms: dict[str, Arm]) -> dict[str, Arm]:
    for name in arms:
        if name in FOLDERS or FILE_NAME.search(name):
            raise ValueError(
                f"`{name}`: the name is taken, or can be, by a file or folder of the results; choose another, without "
                f"an ending such as .csv, and none of {', '.join(sorted(FOLDERS))}"
            )
    return arms


def _refuse_names_that_differ_in_case_only(arms: dict[str, Arm]) -> dict[str, Arm]:
    seen: dict[str, str] = {}
    for name in arms:
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


Arms = Annotated[
    dict[Name, Arm],
    AfterValidator(_refuse_taken_names),
    AfterValidator(_refuse_names_that_differ_in_case_only),
    AfterValidator(_refuse_parents_that_are_no_arm),
    AfterValidator(_refuse_cycles),
    AfterValidator(_refuse_iterations_that_the_parent_has_not),
]
