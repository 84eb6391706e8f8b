"""The color control."""

from pydantic import Field, PositiveFloat, PositiveInt

from scripts.lib.experiment.choices import Candidates, Divergence
from scripts.lib.experiment.config.section import Section


class MatchHistograms(Section):
    """The color control: match each generated image to its most similar real one (paper, section 2.5)."""

    bins: PositiveInt = Field(256, description="Bins of the histograms that choose the real image.")
    pseudo_count: PositiveFloat = Field(
        1e-6, description="Added to every bin before normalisation, so that the divergence is finite."
    )
    divergence: Divergence = Field("generated_real", description="KL(generated, real) or KL(real, generated).")
    candidates: Candidates = Field(
        "all",
        description="Real images that an image may be matched to: all of the experiment, whatever their group, or only "
        "those of its own group.",
    )
