"""The experiment's configuration: what may be said, what it means, and what it defaults to.

Defaults are Bohacek & Farid's values; where the paper is silent, a literal or defensible reading
(``docs/paper.md`` says which). The models are the source of ``schemas/config.schema.json``
and of the configuration reference.
"""

from collections.abc import Mapping
from math import inf, prod
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.cell import BASE
from scripts.lib.experiment.choices import Replicate
from scripts.lib.experiment.config.arm import Arm, Arms
from scripts.lib.experiment.config.compose import Compose
from scripts.lib.experiment.config.curation import Curation, Rewards
from scripts.lib.experiment.config.dataset import Dataset
from scripts.lib.experiment.config.download import Download
from scripts.lib.experiment.config.execution import Execution
from scripts.lib.experiment.config.explorer import Explorer
from scripts.lib.experiment.config.features import features_of
from scripts.lib.experiment.config.figures import Figures
from scripts.lib.experiment.config.finetune import Finetune
from scripts.lib.experiment.config.generate import Generate
from scripts.lib.experiment.config.grid import expanded
from scripts.lib.experiment.config.model import Model, Models
from scripts.lib.experiment.config.score import Score
from scripts.lib.experiment.config.section import DownloadPath, Name, Section, Weights
from scripts.lib.experiment.config.unseen import Unseen

USUAL_CONTROL = "real"
OVERRIDABLE = ("finetune", "generate")


class Experiment(Section):
    """The whole configuration."""

    experiment: Name = Field(description="Name of the experiment; its results are in `results/<experiment>/`.")
    seed: int = Field(0, ge=0, description="Seed of every random draw; a replicate's draws depend on its own seed too.")
    replicates: list[Annotated[int, Field(ge=0)]] = Field(
        [0], min_length=1, description="Seeds; every arm runs once with each."
    )
    replicate: Replicate = Field(
        "noise",
        description="What a replicate repeats. `noise`: all share the real images and the reference; noise and the "
        "choice of slots differ. `data`: each draws real images and a reference of its own, in `dataset/seed-<s>`, so "
        "that intervals hold for other real images too. The base model is one.",
    )
    model: Weights = Field(
        description="Folder of the base model: a pipeline of diffusers, safetensors. Its `model_index.json` "
        "says which engine reads it. Its name is `base`."
    )
    downloads: dict[DownloadPath, Download] = Field(
        default_factory=dict,
        description="Weights by their path, and where missing ones come from. `snakemake downloads` "
        "fetches them, on the machine that runs Snakemake; all other jobs work offline.",
    )
    dataset: Dataset
    generate: Generate = Field(default_factory=Generate)
    finetune: Finetune = Field(default_factory=Finetune)
    compose: Compose = Field(default_factory=Compose)
    curation: Curation = Field(default_factory=Curation)
    rewards: Rewards = Field(default_factory=Rewards)
    unseen: Unseen
    score: Score
    execution: Execution = Field(default_factory=Execution)
    figures: Figures
    explorer: Explorer = Field(default_factory=Explorer)
    models: Models = Field(
        default_factory=dict,
        description="Further base models by a name of your own: a folder, or a section. An arm retrains one with "
        "`model: <name>`, and any arm may train on its images (`sources: {<name>: 1}`).",
    )
    defaults: Arm = Field(default_factory=Arm, description="What an arm does not say.")
    arms: Arms = Field(
        min_length=1,
        description="The arms by name. An overlay removes an arm by setting it to null. An entry with a `grid` stands "
        "for many arms, such as `poison-{synthetic}: {grid: {synthetic: [0.1, 0.5]}}`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _inherit(cls, data: Any) -> Any:
        """Fill arms from ``defaults``, and the sections that arms and models may override from the experiment's."""
        if not isinstance(data, Mapping) or not isinstance(data.get("arms"), Mapping):
            return data
        defaults = data.get("defaults") or {}
        shared = {key: data.get(key) or {} for key in OVERRIDABLE}
        for key, values in ({"defaults": defaults} | shared).items():
            _mapping(key, values)
        given = {name: _mapping(f"arms.{name}", arm) for name, arm in expanded(data["arms"]).items() if arm is not None}
        models: dict[str, dict[str, Any]] = {
            name: {"path": model} if isinstance(model, str) else _mapping(f"models.{name}", model)
            for name, model in _mapping("models", data.get("models") or {}).items()
        }
        arms = {}
        for name, arm in given.items():
            merged = {**defaults, **arm, "model": (base := _base_of(name, given, defaults))}
            layers = {"defaults": defaults, f"models.{base}": models.get(str(base), {}), f"arms.{name}": arm}
            for key, values in shared.items():
                merged[key] = values
                for place, layer in layers.items():
                    merged[key] = merged[key] | _mapping(f"{place}.{key}", layer.get(key) or {})
            if isinstance(steps := merged.get("curate"), list):
                merged["curate"] = [_step(step, data.get("curation") or {}) for step in steps]
            arms[name] = merged
        for name, model in models.items():
            for key, values in shared.items():
                model[key] = values | _mapping(f"models.{name}.{key}", model.get(key) or {})
        return {**data, "models": models, "arms": arms}

    @model_validator(mode="after")
    def _steps_rewrite_images_of_one_source(self) -> Self:
        for name, arm in self.arms.items():
            for step in arm.curate if len(arm.sources) > 1 else ():
                if kinds("curation")[step.kind].needs(step.settings).rewrites:
                    raise ValueError(
                        f"`arms.{name}.curate`: `{step.kind}` rewrites images into one set, in which the parts of the "
                        f"sources {[*arm.sources]} are not told apart; take a single source, or leave the step out"
                    )
        return self

    @model_validator(mode="after")
    def _steps_fit_the_images(self) -> Self:
        for name, arm in self.arms.items():
            for step in arm.curate:
                if hasattr(kind := kinds("curation")[step.kind], "check"):
                    try:
                        kind.check(step.settings, self.dataset.resolution)
                    except ValueError as error:
                        raise ValueError(f"`arms.{name}.curate.{step.kind}`: {error}") from error
        return self

    @model_validator(mode="after")
    def _steps_choose_among_candidates_once(self) -> Self:
        for name, arm in self.arms.items():
            needs = [(step.kind, kinds("curation")[step.kind].needs(step.settings)) for step in arm.curate]
            choosing = [kind for kind, need in needs if need.candidates > 1]
            if len(choosing) > 1:
                raise ValueError(
                    f"`arms.{name}.curate`: `{choosing[1]}` finds one candidate per slot, since `{choosing[0]}` has "
                    "chosen; leave one of them out"
                )
        return self

    @model_validator(mode="after")
    def _fresh_images_are_never_short(self) -> Self:
        fresh = [name for name, arm in self.arms.items() if arm.real == "fresh"]
        if fresh and self.dataset.short_group != "error":
            raise ValueError(
                f"`arms.{fresh[0]}.real`: a group that runs short has no fresh images, and none may come twice; set "
                f"`dataset.short_group` to error (it is {self.dataset.short_group}), or `real` to fixed"
            )
        return self

    @model_validator(mode="after")
    def _arms_have_the_real_images_that_there_are(self) -> Self:
        for name, arm in self.arms.items():
            if (arm.real_per_group or 0) > self.dataset.per_group:
                raise ValueError(
                    f"`arms.{name}.real_per_group`: is {arm.real_per_group}, but `dataset.per_group` is "
                    f"{self.dataset.per_group}; lower the one or raise the other"
                )
        return self

    @model_validator(mode="after")
    def _a_share_is_an_image_at_least(self) -> Self:
        groups = prod(len(values) for values in self.dataset.attributes.values())
        least = 1.0 if self.compose.rounding == "floor" else 0.5
        for name, arm in self.arms.items():
            each = arm.real_per_group or self.dataset.per_group
            whole = {"total": groups * each, "nearest": each, "floor": each, "ceil": inf}[self.compose.rounding]
            if 0 < arm.synthetic * whole < least - 1e-9:
                raise ValueError(
                    f"`arms.{name}.synthetic`: {arm.synthetic:g} of {groups * each} images is no image under "
                    f"`compose.rounding: {self.compose.rounding}`; raise it to {least / whole:.2g} or more, or set "
                    "it to 0"
                )
        return self

    @model_validator(mode="after")
    def _steps_have_their_rewards(self) -> Self:
        for name, arm in self.arms.items():
            for step in arm.curate:
                reward = kinds("curation")[step.kind].needs(step.settings).reward
                if reward is not None:
                    self._check_reward(reward, f"the step `{step.kind}` of `arms.{name}` chooses by it")
        return self

    def _check_reward(self, reward: str, why: str) -> None:
        settings, resolution = getattr(self.rewards, reward), self.dataset.resolution
        if settings is None:
            raise ValueError(f"`rewards.{reward}`: missing; {why}. Add the section (see docs/configuration.md)")
        for part in features_of(settings):
            if resolution < (smallest := part.smallest):
                raise ValueError(
                    f"`rewards.{reward}.features.network`: {part.network!r} needs images of {smallest} pixels at "
                    f"least, but `dataset.resolution` is {resolution}; raise it, or choose `vae` ({why})"
                )

    @model_validator(mode="after")
    def _a_parent_keeps_its_model_as_its_arm_does(self) -> Self:
        trainables = kinds("training.trainables")
        for name, arm in self.arms.items():
            if arm.parent is None or arm.init == "base" or arm.merge is not None:
                continue
            own, before = arm.finetune.trainable.kind, self.arms[arm.parent].finetune.trainable.kind
            if trainables[own].KEEPS != trainables[before].KEEPS:
                raise ValueError(
                    f"`arms.{name}.finetune.trainable`: `{own}` starts from a model that is kept as one "
                    f"{trainables[own].KEEPS}, but its parent {arm.parent!r} is trained by `{before}`, which keeps one "
                    f"{trainables[before].KEEPS}; train both the same way, or set `init: base`"
                )
        return self

    @model_validator(mode="after")
    def _what_is_matched_begins_by_its_own_strength(self) -> Self:
        places = {"": self.generate} | {f"models.{name}.": model.generate for name, model in self.models.items()}
        places |= {f"arms.{name}.": arm.generate for name, arm in self.arms.items()}
        for place, settings in places.items():
            if (match := settings.match) is None:
                continue
            key, name, known = f"`{place}generate.match.snr_of`", match.snr_of, [BASE, *self.models]
            if name not in known:
                raise ValueError(f"{key}: there is no base model {name!r}; name one of {known}")
            other = self.base(name).generate
            if other.mode != "img2img":
                raise ValueError(
                    f"{key}: {name!r} makes its images from noise alone; set its `generate.mode` to img2img"
                )
            if other.match is not None and other.match.snr_of != name:
                raise ValueError(f"{key}: {name!r} matches {other.match.snr_of!r} itself; name that")
        return self

    @model_validator(mode="after")
    def _the_control_is_an_arm(self) -> Self:
        if self.score.control is not None and self.score.control not in self.arms:
            raise ValueError(f"`score.control`: there is no arm {self.score.control!r}; name one of {[*self.arms]}")
        return self

    def base(self, name: str) -> Model:
        """Return a base model by its name."""
        return (
            self.models[name]
            if name != BASE
            else Model(path=self.model, generate=self.generate, finetune=self.finetune)
        )

    @property
    def control(self) -> str | None:
        """The control arm, if there is one."""
        return self.score.control or (USUAL_CONTROL if USUAL_CONTROL in self.arms else None)

    @field_validator("replicates")
    @classmethod
    def _each_seed_once(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"lists a seed twice: {seeds}")
        return seeds

    @model_validator(mode="after")
    def _figures_show_a_group(self) -> Self:
        for attribute, values in self.dataset.attributes.items():
            if self.figures.group.get(attribute) not in values:
                raise ValueError(f"`figures.group.{attribute}`: must be one of {values}")
        if unknown := sorted(set(self.figures.group) - set(self.dataset.attributes)):
            raise ValueError(f"`figures.group.{unknown[0]}`: there is no such attribute in `dataset.attributes`")
        return self


def _base_of(name: str, arms: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any]) -> Any:
    """Return the name of the base model that an arm retrains: its own, its parent's, or that of ``defaults``."""
    seen = set()
    while isinstance(name, str) and name in arms and name not in seen:
        if "model" in arms[name]:
            return arms[name]["model"]
        seen.add(name)
        name = arms[name].get("parent") or defaults.get("parent") or ""
    return defaults.get("model", BASE)


def _step(step: Any, settings: Mapping[str, Any]) -> Any:
    """Return a step with the settings that all arms share; what is no step is left for the step's own check."""
    given = {step: {}} if isinstance(step, str) else step
    if not isinstance(given, Mapping):
        return step
    merged = {}
    for kind, own in given.items():
        shared = _mapping(f"curation.{kind}", _mapping("curation", settings).get(kind) or {})
        merged[kind] = shared | dict(own) if isinstance(own, Mapping) else own or shared
    return merged


def _mapping(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"`{key}` is {value!r}, but must be a mapping, such as {{key: value}}")
    return dict(value)
