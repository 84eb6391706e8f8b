"""How a model is retrained."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt

from scripts.lib.experiment.choices import MixedPrecision, NoiseLevels, Optimizer
from scripts.lib.experiment.config.choice import Choice, choice_of
from scripts.lib.experiment.config.section import Section, Share

if TYPE_CHECKING:
    Trainable: TypeAlias = Choice
else:
    Trainable = choice_of("training.trainables", "Trainable", "Which part of the network is trained.")


class Finetune(Section):
    """How the network is retrained (paper, section 2.3)."""

    trainable: Trainable = Field(
        default_factory=lambda: Trainable.model_validate("full"), description="Which part of the network is trained."
    )
    optimizer: Optimizer = Field(
        "adamw",
        description="`adamw`, or `adamw_8bit`, whose two moments take 2 bytes per parameter in the place of 8 and are "
        "rounded. The latter needs the package bitsandbytes and an NVIDIA GPU.",
    )
    learning_rate: PositiveFloat = Field(2e-6, description="AdamW's learning rate, constant.")
    epochs: PositiveInt = Field(50, description="Passes over the training images in one iteration.")
    steps: PositiveInt | None = Field(
        None,
        description="Optimizer steps in one iteration, in place of `epochs`. Under `epochs`, a training set that "
        "grows is more compute; equal steps make arms comparable.",
    )
    batch_size: PositiveInt = Field(1, description="Images per step. The paper does not give it.")
    noise_levels: NoiseLevels = Field(
        "published",
        description="How the level of noise of a training sample is drawn from the engine's levels: the place among "
        "them is `uniform`, or the sigmoid of a standard normal number (`logit_normal`), most often in the middle. "
        "`published`: as the engine's models were trained (docs/experiments.md).",
    )
    average: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None,
        description="Decay of an exponential moving average of what is trained, such as 0.999. In the first steps it "
        "is (1 + step) / (10 + step) at most, as in diffusers. Images are made with the average, and the next "
        "fine-tune starts from it. The weights of the last step are kept beside it, in `model/last/`. None: none.",
    )
    accumulate: PositiveInt = Field(
        1,
        description="Parts of a batch that are computed one after the other: less memory, and the same step except for "
        "the last bits.",
    )
    horizontal_flip: bool = Field(True, description="Mirror each image with probability one half in each step.")
    caption_dropout: Share = Field(
        0.0, description="Probability with which an image trains without its prompt, drawn again in each step."
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.01, description="AdamW's weight decay (diffusers' default).")
    max_grad_norm: PositiveFloat = Field(1.0, description="Gradients are clipped to this norm (diffusers' default).")
    gradient_checkpointing: bool = Field(
        False, description="Trade a third more compute for less memory in fine-tuning."
    )
    mixed_precision: Annotated[MixedPrecision, BeforeValidator(lambda value: "no" if value is False else value)] = (
        Field("no", description="`no` is float32, as in the paper.")  # YAML takes a bare `no` for false.
    )

    def steps_of(self, images: int) -> int:
        """Return the optimizer steps of a fine-tune on a number of images."""
        return self.steps or self.epochs * -(-images // self.batch_size)
