"""How the work is cut."""

from typing import Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from scripts.lib.experiment.choices import Dtype
from scripts.lib.experiment.config.section import Section


class Execution(Section):
    """How the work is divided, and in which precision. By default it changes no result, except the last bits."""

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
        "their images are made and the next fine-tunes have started from them. A removed one can only be made again by "
        "training its arm from the start; add `--notemp` to a run that names a cell.",
    )
    teraflops: PositiveFloat = Field(
        19.5,
        description="The peak of the GPU for `snakemake plan`, in 10¹² operations per second, where nothing is "
        "measured yet. The default is that of the A100 in float32, by NVIDIA's data sheet.",
    )
    utilization: float = Field(
        0.4,
        gt=0,
        le=1,
        description="The share of a peak that `snakemake plan` takes a run to reach. Trainings that are tuned reach "
        "0.3 to 0.5; no GPU has run this code yet.",
    )

    dtype: Dtype = Field(
        "float32",
        description="Precision of the network that denoises, in generation, and of the feature networks. The latents "
        "between its steps, the autoencoder and the text encoders stay float32. Another value changes every image and "
        "plans them again. A fine-tune's is `finetune.mixed_precision`.",
    )
    tf32: bool = Field(
        False,
        description="Let NVIDIA's GPUs round the factors of float32 products to TF32's 10 bits, in fine-tuning, "
        "generation and embedding: faster, and no longer exact.",
    )
    compile: bool = Field(
        False,
        description="Fuse the operations of the network that denoises by torch.compile: a minute or more per job "
        "before the first image, and faster after it; the last bits differ.",
    )
    channels_last: bool = Field(
        True, description="In generation, the layout of a U-Net that convolutions are fastest in; the last bits differ."
    )

    @model_validator(mode="after")
    def _minutes_and_seconds_go_together(self) -> Self:
        if (self.shard_minutes is None) != (self.seconds_per_image is None):
            raise ValueError("`shard_minutes` and `seconds_per_image` go together")
        return self

    @model_validator(mode="after")
    def _shards_are_said_once(self) -> Self:
        if self.shard_minutes is not None and "shards" in self.model_fields_set:
            raise ValueError("`shards` and `shard_minutes` exclude each other; remove one")
        return self
