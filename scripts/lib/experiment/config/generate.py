"""How images are made."""

from typing import TYPE_CHECKING, Annotated, Self, TypeAlias

from pydantic import Field, PositiveInt, model_validator

from scripts.lib.experiment.choices import Mode
from scripts.lib.experiment.config.choice import Choice, choice_of
from scripts.lib.experiment.config.extrapolate import Extrapolate
from scripts.lib.experiment.config.match import Match
from scripts.lib.experiment.config.section import Section

if TYPE_CHECKING:
    Guidance: TypeAlias = Choice
else:
    Guidance = choice_of("engines.guidance", "Guidance", "How the guidance changes over the denoising steps.")


class Generate(Section):
    """How a model makes its images (paper, section 2.1)."""

    mode: Mode = Field("img2img", description="Start from the real image of the same slot, or from noise alone.")
    strength: Annotated[float, Field(gt=0, le=1)] = Field(
        0.8, description="Image-to-image only: the share of the noise schedule that runs."
    )
    match: Match | None = Field(
        None,
        description="Image-to-image only: where the schedule begins, in the place of `strength`, which stands for "
        "another ratio of image and noise on each engine. None: by `strength`.",
    )
    steps: PositiveInt = Field(250, description="Inference steps. Image-to-image runs the share `strength` of them.")
    guidance_scale: Annotated[float, Field(ge=1)] = Field(
        7.5, description="Classifier-free guidance. 1 turns it off. Its inverse is the sampling bias λ."
    )
    guidance: Guidance = Field(
        default_factory=lambda: Guidance.model_validate("constant"),
        description="How the guidance changes over the denoising steps that run, from the first to the last.",
    )
    scheduler: Annotated[str, Field(pattern=r"^\w+$")] | None = Field(
        None,
        description="The sampler: a class of diffusers, such as `DDPMScheduler`, which draws noise in each step. None: "
        "the base model's own. One that does not fit what the network predicts is refused.",
    )

    extrapolate: Extrapolate | None = Field(
        None,
        description="Images are made of two models' predictions, away from that of the cell's own model (SIMS): twice "
        "the passes, and both networks in memory. The base model makes its own images without. None: of one model's.",
    )

    @model_validator(mode="after")
    def _runs_one_step(self) -> Self:
        if self.mode == "img2img" and int(self.steps * self.strength) < 1:
            # The schedules of published models have 1,000 steps; a smaller strength is none of any number of them.
            more_steps = f"raise `steps` to {-(-1 // self.strength):.0f} or more, or " if self.strength >= 1e-3 else ""
            raise ValueError(
                f"`strength` {self.strength} of {self.steps} `steps` is less than one step, so that nothing would be "
                f"generated; {more_steps}raise `strength`"
            )
        return self
