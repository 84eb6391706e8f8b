"""The experiment's configuration: what may be said, what it means, and what it defaults to.

Defaults are Bohacek & Farid's values; where the paper is silent they are its most literal reading
(``docs/paper.md`` says which). The models are the source of ``schemas/config.schema.json``
and of the configuration reference.
"""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from scripts.lib.choices import (
    DEEPFACE_LABELS,
    DEEPFACE_WEIGHTS,
    MAPS,
    SMALLEST,
    VECTORS,
    Broken,
    Divergence,
    LabelSource,
    MixedPrecision,
    Mode,
    Network,
    OnReject,
    Rounding,
    Shortfall,
    ShortGroup,
    Source,
    Unmapped,
)

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Share = Annotated[float, Field(ge=0, le=1)]
RESERVED = {"base", "dataset", "explorer", "figures", "floor", "logs", "benchmarks"}
COLUMNS = {"file_name", "group", "matched_to", "role", "seed", "source", "text"}


class ConfigurationError(ValueError):
    """The configuration is wrong; the message names each key and the fix."""


class Section(BaseModel):
    """A part of the configuration; keys that it does not know are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Label(Section):
    """Where the values of one attribute come from; the labels of the source become the attribute's values."""

    source: LabelSource = Field(
        description="`csv`: a column of a CSV. `ffhq_features`: a folder of JSON files, as ffhq-features-dataset has "
        "them. `deepface`: DeepFace classifies the images."
    )
    path: str | None = Field(
        None,
        description="The CSV, or the folder of JSON files. A CSV names the image in the column `file_name` (path below "
        "`dataset.path`) or, as FFHQ-Aging's, `image_number`.",
    )
    column: str | None = Field(
        None,
        description="The column or key, or what DeepFace is asked for (`gender`, `race`, `age`); none: the attribute's "
        "name.",
    )
    map: dict[str, str] | None = Field(
        None, description="What each label of the source is called here; none: the labels are the values."
    )
    cuts: list[float] | None = Field(
        None,
        description="For numbers: the bounds between the attribute's values, ascending. With `[30, 50]` the second "
        "value is 30 to below 50.",
    )
    unmapped: Unmapped = Field(
        "error", description="A label that `map` does not name: an error, or the image is not used."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.source == "deepface") == (self.path is not None):
            raise ValueError("`path` goes with `csv` and `ffhq_features`, and not with `deepface`")
        if self.map is not None and self.cuts is not None:
            raise ValueError("`map` is for words and `cuts` for numbers; remove one")
        if self.cuts is not None and sorted(set(self.cuts)) != self.cuts:
            raise ValueError(f"`cuts` must ascend; they are {self.cuts}")
        return self


class DeepFace(Section):
    """DeepFace's networks, if a label comes from there (ONNX; docs/dataset.md says how `downloads` brings them)."""

    weights: str = Field(description="Folder of the ONNX files, under the names that DeepFace gives them.")
    sha256: dict[str, str] = Field(
        {}, description="SHA-256 of the files by name; a file that differs stops the classification."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if unknown := set(self.sha256) - set(DEEPFACE_WEIGHTS.values()):
            raise ValueError(
                f"`sha256`: no file of DeepFace is called {sorted(unknown)}; {sorted(DEEPFACE_WEIGHTS.values())} are"
            )
        return self


class Dataset(Section):
    """Where the real images come from and which of them are used (paper, section 2.1)."""

    source: Source = Field(
        description="`avatars`: drawn by this workflow. `folder`: image files and their labels, given or classified."
    )
    path: str | None = Field(None, description="`folder` only: the folder of images, searched recursively.")
    labels: str | None = Field(
        None,
        description="`folder` only: CSV with the column `file_name` and a column for each attribute that `classify` "
        "does not name.",
    )
    classify: dict[str, Label] = Field({}, description="`folder` only: where the values of an attribute come from.")
    deepface: DeepFace | None = Field(
        None, description="`folder` only: DeepFace's networks, where `classify` asks for it."
    )
    broken: Broken = Field(
        "error",
        description="`folder` only. A file that is listed but missing, empty, damaged, no image, or has more than one "
        "reading as 8-bit RGB: an error, or left out and named in `dataset/excluded.csv`.",
    )
    resolution: PositiveInt = Field(
        512, description="Edge of the square images in pixels, real and generated; a multiple of 8."
    )
    attributes: dict[str, list[str]] = Field(
        description="Attributes and their values, e.g. `gender: [man, woman]`. A group is one value of each.",
        min_length=1,
    )
    prompt: str = Field(
        "a photo of a {age} {race} {gender}",
        description="Template of the prompts, attributes in braces; the rest stays as it is.",
    )
    per_group: PositiveInt = Field(
        30, description="Real images a group: the seeds of image-to-image and the training set."
    )
    reference_per_group: PositiveInt = Field(
        30, description="Further real images a group, disjoint from the former: the reference of the scores."
    )
    short_group: ShortGroup = Field(
        "error",
        description="What a group with too few images does: stop, go on with fewer, or repeat its own images. "
        "The scoring reference is never repeated; it goes short first.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.source == "folder") != bool(self.path and (self.labels or self.classify)):
            raise ValueError("`path` and `labels` or `classify` go with `source: folder`, both or neither")
        for name, values in self.attributes.items():
            if name in COLUMNS:
                raise ValueError(f"`attributes.{name}`: the name is a column of the image sets; choose another")
            if len(set(values)) < len(values) or not values:
                raise ValueError(f"`attributes.{name}` must list its values, each once")
        if self.source == "folder":
            self._check_labels()
        try:
            self.prompt.format(**dict.fromkeys(self.attributes, ""))
        except (AttributeError, KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"`prompt` names {error}, which is no attribute; write one of {sorted(self.attributes)} in braces"
            ) from None
        return self

    def _check_labels(self) -> None:
        if unknown := sorted(set(self.classify) - set(self.attributes)):
            raise ValueError(f"`classify.{unknown[0]}`: there is no such attribute in `attributes`")
        if missing := sorted(set(self.attributes) - set(self.classify)):
            if self.labels is None:
                raise ValueError(f"`classify.{missing[0]}`: missing; say where the labels come from, or set `labels`")
        elif self.labels is not None:
            raise ValueError("`labels` has no use, since `classify` names every attribute; remove it")
        for name, label in self.classify.items():
            _check_label(f"classify.{name}", label, label.column or name, self.attributes[name])
        if bool(self.classified) != (self.deepface is not None):
            raise ValueError("`deepface` and a `classify` with `source: deepface` go together")

    @property
    def recipes(self) -> dict[str, dict[str, Any]]:
        """Where each attribute comes from, with every default filled in: what `scripts.lib.labels` reads."""
        if self.source != "folder":
            return {}
        default = Label(source="csv", path=self.labels) if self.labels else None
        labels = {name: self.classify.get(name, default) for name in self.attributes}
        return {name: label.model_dump() | {"column": label.column or name} for name, label in labels.items() if label}

    @property
    def classified(self) -> list[str]:
        """What DeepFace is asked for."""
        asked = {label.column or name for name, label in self.classify.items() if label.source == "deepface"}
        return sorted(asked)


def _check_label(key: str, label: Label, column: str, values: list[str]) -> None:
    """Refuse a label that can never become the values of its attribute, before any image is read."""
    if label.cuts is not None and len(label.cuts) != len(values) - 1:
        raise ValueError(f"`{key}.cuts` must be one fewer than the values {values}; they are {label.cuts}")
    if label.map is not None and set(label.map.values()) != set(values):
        wrong, unmade = set(label.map.values()) - set(values), set(values) - set(label.map.values())
        raise ValueError(
            f"`{key}.map` must give exactly the values {values}: "
            + (f"{sorted(wrong)} are none of them" if wrong else f"nothing becomes {sorted(unmade)}")
        )
    if label.source != "deepface":
        return
    if column not in DEEPFACE_WEIGHTS:
        raise ValueError(f"`{key}.column`: DeepFace knows {sorted(DEEPFACE_WEIGHTS)}, not {column!r}")
    if (column in DEEPFACE_LABELS) == (label.cuts is not None):
        raise ValueError(f"`{key}`: DeepFace's age is a number and needs `cuts`; its other labels are words")
    words, named = DEEPFACE_LABELS.get(column, []), label.map or dict.fromkeys(values)
    if unknown := sorted(set(named) - set(words)) if words else []:
        raise ValueError(f"`{key}.map`: {unknown[0]!r} is no label of DeepFace; its labels are {words}")
    if (left := [word for word in words if word not in named]) and label.unmapped == "error":
        raise ValueError(f"`{key}.map` does not say what {left[0]!r} becomes; name it, or set `{key}.unmapped: drop`")


class Generate(Section):
    """How a model makes its images (paper, section 2.1)."""

    mode: Mode = Field("img2img", description="Start from the real image of the same slot, or from noise alone.")
    strength: Annotated[float, Field(gt=0, le=1)] = Field(
        0.8, description="Image-to-image only: the share of the noise schedule that is run."
    )
    steps: PositiveInt = Field(250, description="Inference steps; image-to-image runs `strength` of them.")
    guidance_scale: Annotated[float, Field(ge=1)] = Field(7.5, description="Classifier-free guidance; 1 is none.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.mode == "img2img" and int(self.steps * self.strength) < 1:
            raise ValueError(
                f"`strength` {self.strength} of {self.steps} `steps` is less than one step, so that nothing would be "
                f"generated; raise `steps` to {ceil(1 / self.strength)} at least, or raise `strength`"
            )
        return self


class Finetune(Section):
    """How the U-Net is retrained (paper, section 2.3)."""

    learning_rate: PositiveFloat = Field(2e-6, description="AdamW's learning rate, constant.")
    epochs: PositiveInt = Field(50, description="Passes over the training images in one iteration.")
    batch_size: PositiveInt = Field(1, description="Images a step. The paper does not say.")
    horizontal_flip: bool = Field(True, description="Mirror each image with probability one half, anew each step.")
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.01, description="AdamW's weight decay (diffusers' default).")
    max_grad_norm: PositiveFloat = Field(1.0, description="Gradients are clipped to this norm (diffusers' default).")
    gradient_checkpointing: bool = Field(
        False, description="Trade a third more compute for less memory in fine-tuning."
    )
    mixed_precision: Annotated[MixedPrecision, BeforeValidator(lambda value: "no" if value is False else value)] = (
        Field("no", description="`no` is float32, as in the paper.")  # YAML takes a bare `no` for false.
    )


class Compose(Section):
    """How a share of generated images becomes a training set (paper, section 2.3)."""

    rounding: Rounding = Field(
        "total",
        description="25 % of 30 is 7.5: `total` makes the whole set exact and lets groups differ by one; the others "
        "round in each group.",
    )
    slots: Literal["redraw", "keep"] = Field(
        "redraw", description="Which slots hold generated images: drawn anew each iteration, or the same ones."
    )


class MatchHistograms(Section):
    """The color control: match each generated image to its most similar real one (paper, section 2.5)."""

    bins: PositiveInt = Field(256, description="Bins of the histograms that choose the real image.")
    pseudo_count: PositiveFloat = Field(
        1e-6, description="Added to every bin before normalisation, so that the divergence is finite."
    )
    divergence: Divergence = Field("generated_real", description="KL(generated, real) or KL(real, generated).")


class Features(Section):
    """A network that turns images into features."""

    network: Network = Field(
        description="`clip`: pooled output of the vision tower. `vae`: the autoencoder's first block, a spatial map. "
        "`inception`: the Inception-v3 of the FID, 2048 pooled features. `inception_192`, `inception_64`: the ImageNet "
        "Inception-v3 before its second or first pooling, a spatial map (SinGAN's single-image FID)."
    )
    weights: str = Field(
        description="The network's weights. `clip`, `vae`: a folder (safetensors). `inception`: the file "
        "pt_inception-2015-12-05-6726825d.pth; `inception_192`, `inception_64`: inception_v3_google-0cc3c7bd.pth."
    )


class Cull(Section):
    """The quality control: reject images far from their real counterpart (paper, section 2.5)."""

    features: Features = Field(description="Spatial features of the single-image Fréchet distance.")
    on_reject: OnReject = Field(
        "replace",
        description="Methods say removed, Results say replaced: `replace` takes an accepted image of the same group, "
        "`drop` leaves the slot out.",
    )
    shortfall: Shortfall = Field(
        "keep_best",
        description="A group in which no image passes: stop, accept the nearest one, or leave its generated ones out.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.features.network not in MAPS:
            raise ValueError(
                f"`features.network` is {self.features.network!r}, which gives one vector per image, but the distance "
                f"of single images compares maps of many positions; choose one of {', '.join(MAPS)}"
            )
        return self


class Score(Section):
    """How images are measured (paper, section 2.2)."""

    clip: str = Field(description="Folder of the CLIPModel of the CLIP score.")
    features: Features = Field(description="Feature space of the distances and of the diversity.")
    nearest_k: PositiveInt = Field(5, description="Neighbours of precision, recall, density and coverage.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.features.network not in VECTORS:
            raise ValueError(
                f"`features.network` is {self.features.network!r}, which gives maps of many positions, but the scores "
                f"compare one vector per image; choose one of {', '.join(VECTORS)}"
            )
        return self


class Unseen(Section):
    """Prompts that no fine-tune sees (paper, section 3)."""

    prompts: list[str] = Field(min_length=1, description="The prompts, generated text-to-image in every cell.")
    per_prompt: PositiveInt = Field(1, description="Images a prompt.")


class Arm(Section):
    """One lineage of models: a chain of iterations of fine-tuning and generating."""

    iterations: PositiveInt = Field(5, description="Iterations of this arm, counted on from its parent.")
    synthetic: Share = Field(1.0, description="Share of generated images in the training set, 0 to 1.")
    control: Literal["none", "match_histograms", "cull"] = Field(
        "none", description="What is done to the generated images before they are mixed in."
    )
    init: Literal["previous", "base"] = Field(
        "previous", description="Each fine-tune starts from the model of the iteration before, or from the base model."
    )
    parent: str | None = Field(None, description="Arm that this one goes on from; none: the base model.")
    from_iteration: PositiveInt | None = Field(None, description="Iteration of the parent that this arm goes on from.")
    finetune: Finetune = Field(default_factory=Finetune, description="Overrides of `finetune`.")
    generate: Generate = Field(default_factory=Generate, description="Overrides of `generate`.")

    @property
    def first_iteration(self) -> int:
        return (self.from_iteration or 0) + 1

    @property
    def last_iteration(self) -> int:
        return (self.from_iteration or 0) + self.iterations


class Execution(Section):
    """How the work is cut; changes no result."""

    shards: PositiveInt = Field(
        1,
        description="Jobs that share the generation of one cell. Set it before the first run: the images stay "
        "the same, but another number plans finished cells again, unless run with `--rerun-triggers mtime`.",
    )
    shard_minutes: PositiveFloat | None = Field(
        None, description="Instead of `shards`: as many jobs as it takes for none to generate longer than this."
    )
    seconds_per_image: PositiveFloat | None = Field(
        None, description="What an image takes to generate, for `shard_minutes`: `costs.csv` of one cell says it."
    )
    classify_shards: PositiveInt = Field(
        1, description="Jobs that share the classification of a folder. Another number classifies everything again."
    )
    classify_batch_size: PositiveInt = Field(16, description="Images a batch in classification.")
    generate_batch_size: PositiveInt = Field(8, description="Images a batch in generation.")
    embed_batch_size: PositiveInt = Field(64, description="Images a batch in feature extraction.")
    checkpoint_minutes: PositiveInt = Field(10, description="Minutes between two checkpoints of a fine-tune.")
    keep: Literal["all", "last"] = Field(
        "all",
        description="`last`: of an arm's U-Nets only that of its last iteration stays; the others are removed once "
        "their images are made and the next fine-tunes have started from them. A removed one can only be had again by "
        "training its arm from the start; add `--notemp` to a run that names a cell.",
    )
    teraflops: PositiveFloat = Field(
        19.5,
        description="What `snakemake plan` takes a GPU to do, in 10¹² operations a second, where nothing is measured "
        "yet. The default is the float32 peak in NVIDIA's data sheet of the A100, which no run reaches.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.shard_minutes is None) != (self.seconds_per_image is None):
            raise ValueError("`shard_minutes` and `seconds_per_image` go together")
        if self.shard_minutes is not None and "shards" in self.model_fields_set:
            raise ValueError("`shards` and `shard_minutes` exclude each other; remove one")
        return self


class Figures(Section):
    """What the figures show."""

    group: dict[str, str] = Field(description="The group of the image grid: one value of each attribute.")
    images: PositiveInt = Field(3, description="Images of that group in each cell of the grid.")


class Explorer(Section):
    """What the page `explorer.html` holds."""

    images: PositiveInt = Field(
        30, description="Images of each group and cell, the first ones; fewer make a smaller page."
    )
    thumbnail: Annotated[int, Field(ge=8)] = Field(
        64, description="Largest edge of an image in the page, in pixels; smaller images are kept as they are."
    )
    full_size: Annotated[int, Field(ge=0)] = Field(
        3,
        description="Where the images are larger than a thumbnail: how many of each group and cell lie as files of "
        "full size in `explorer/` beside the page.",
    )


class Download(Section):
    """Where weights come from that are not there yet: a repository of the Hugging Face Hub, files of one, or a file."""

    repository: str | None = Field(None, description="Repository of the Hub, `owner/name`; brings a folder.")
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = Field(
        None, description="Its commit; a branch or a tag can change and is refused."
    )
    files: list[Annotated[str, Field(pattern=r"^[^*?\[]+$")]] | None = Field(
        None,
        min_length=1,
        description="With `repository`: the files to fetch, by their paths in it; none: a pipeline's or a network's "
        "configurations and safetensors.",
    )
    url: Annotated[str, Field(pattern=r"^(https?|file)://")] | None = Field(None, description="Address of a file.")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")] | None = Field(
        None, description="The file's SHA-256, or its first digits where only those are published."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = {key for key, value in self if value is not None}
        if given - {"files"} != {"repository", "revision"} and given != {"url", "sha256"}:
            raise ValueError("give `repository` and `revision` (and `files`), or `url` and `sha256`")
        return self


class Experiment(Section):
    """The whole configuration."""

    experiment: Name = Field(description="Name of the experiment; its results lie in `results/<experiment>/`.")
    seed: int = Field(0, ge=0, description="Seed of every random draw; a replicate's draws depend on its own seed too.")
    replicates: list[Annotated[int, Field(ge=0)]] = Field(
        [0], min_length=1, description="Seeds; every arm runs once with each."
    )
    model: str = Field(description="Folder of the base model: a diffusers Stable Diffusion pipeline, safetensors.")
    downloads: dict[str, Download] = Field(
        default_factory=dict,
        description="Weights by their path, and where the ones that are not there come from. `snakemake downloads` "
        "fetches them, on the machine that runs Snakemake; all other jobs work offline.",
    )
    dataset: Dataset
    generate: Generate = Field(default_factory=Generate)
    finetune: Finetune = Field(default_factory=Finetune)
    compose: Compose = Field(default_factory=Compose)
    match_histograms: MatchHistograms = Field(default_factory=MatchHistograms)
    cull: Cull
    unseen: Unseen
    score: Score
    execution: Execution = Field(default_factory=Execution)
    figures: Figures
    explorer: Explorer = Field(default_factory=Explorer)
    defaults: Arm = Field(default_factory=Arm, description="What an arm does not say.")
    arms: dict[Name, Arm] = Field(
        min_length=1, description="The arms by name. An overlay removes an arm by setting it to null."
    )

    @model_validator(mode="before")
    @classmethod
    def _inherit(cls, data: Any) -> Any:
        """Fill every arm from ``defaults``, and its ``finetune`` and ``generate`` from the experiment's."""
        if not isinstance(data, Mapping) or not isinstance(data.get("arms"), Mapping):
            return data
        defaults = data.get("defaults") or {}
        shared = {key: data.get(key) or {} for key in ("finetune", "generate")}
        for key, values in ({"defaults": defaults} | shared).items():
            _mapping(key, values)
        arms = {}
        for name, arm in data["arms"].items():
            if arm is None:
                continue
            merged = {**defaults, **_mapping(f"arms.{name}", arm)}
            for key, values in shared.items():
                ours, own = (part.get(key) or {} for part in (defaults, arm))
                merged[key] = values | _mapping(f"defaults.{key}", ours) | _mapping(f"arms.{name}.{key}", own)
            arms[name] = merged
        return {**data, "arms": arms}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.replicates)) < len(self.replicates):
            raise ValueError("`replicates` lists a seed twice")
        for name, arm in self.arms.items():
            if name in RESERVED:
                raise ValueError(f"`arms.{name}`: the name is taken by the workflow; choose another")
            if (arm.parent is None) != (arm.from_iteration is None):
                raise ValueError(f"`arms.{name}`: `parent` and `from_iteration` go together")
            seen = [name]
            while (parent := self.arms[seen[-1]].parent) is not None:
                if parent not in self.arms:
                    raise ValueError(
                        f"`arms.{seen[-1]}.parent`: there is no arm {parent!r}; one of {sorted(self.arms)}"
                    )
                if parent in seen:
                    raise ValueError(f"`arms.{name}.parent`: a cycle, {' → '.join([*seen, parent])}")
                seen.append(parent)
            if arm.parent and arm.from_iteration:
                first, last = self.arms[arm.parent].first_iteration, self.arms[arm.parent].last_iteration
                if not first <= arm.from_iteration <= last:
                    raise ValueError(
                        f"`arms.{name}.from_iteration` is {arm.from_iteration}, but {arm.parent!r} has the iterations "
                        f"{first} to {last}"
                    )
        for attribute, values in self.dataset.attributes.items():
            if self.figures.group.get(attribute) not in values:
                raise ValueError(f"`figures.group.{attribute}` must be one of {values}")
        self._check_cull()
        if unknown := sorted(set(self.figures.group) - set(self.dataset.attributes)):
            raise ValueError(f"`figures.group.{unknown[0]}`: there is no such attribute in `dataset.attributes`")
        return self

    def _check_cull(self) -> None:
        network, resolution = self.cull.features.network, self.dataset.resolution
        smallest = SMALLEST.get(network, 1)
        if resolution < smallest and any(arm.control == "cull" for arm in self.arms.values()):
            raise ValueError(
                f"`cull.features.network` is {network!r}, which needs images of {smallest} pixels at least, but "
                f"`dataset.resolution` is {resolution}; raise it, or choose `vae`"
            )


def load(data: Mapping[str, Any]) -> Experiment:
    """Validate a configuration.

    Raises:
        ConfigurationError: names every wrong key, what is wrong with it and what is allowed.
    """
    try:
        return Experiment.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError("\n".join(["The configuration is wrong:", *map(_explain, error.errors())])) from None


def describe(experiment: Experiment) -> list[dict[str, str]]:
    """Return key, value and meaning of every setting that can change a result or a figure; an arm is one row."""
    sections = experiment.model_dump(exclude={"defaults", "arms", "execution"})
    rows = [
        {"key": key, "value": _words(value), "meaning": meaning}
        for key, value, meaning in _settings(experiment, sections)
    ]
    usual = Arm(finetune=experiment.finetune, generate=experiment.generate).model_dump()
    for name, arm in experiment.arms.items():
        shown = {"synthetic": arm.synthetic, "iterations": arm.iterations}
        own = {key: value for key, value in arm.model_dump().items() if value != usual[key] and key not in shown}
        rows.append({"key": f"arms.{name}", "value": _words(shown | own), "meaning": "An arm: what it does not share."})
    return rows


def _settings(section: Section, values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    for key, value in values.items():
        inner = getattr(section, key)
        if isinstance(inner, Section):
            yield from _settings(inner, value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value, type(section).model_fields[key].description or ""


def _words(value: Any) -> str:
    """Return a value as a reader of the report wants it: ``none``, ``a / b`` or ``key: value; key: value``."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_words(item)}" for key, item in value.items())
    return " / ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)


def _mapping(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"`{key}` is {value!r}, but must be a mapping, such as {{key: value}}")
    return dict(value)


def _explain(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"  {key}: unknown key; remove it or correct its spelling (see docs/configuration.md)"
    if error["type"] == "missing":
        return f"  {key}: missing; add it (see docs/configuration.md)"
    message = error["msg"].removeprefix("Value error, ")
    return (
        f"  {key}: {message} (it is {error['input']!r})"
        if key and error["type"] != "value_error"
        else f"  {key + ': ' if key else ''}{message}"
    )
