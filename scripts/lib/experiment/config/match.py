"""What image-to-image is to have in common with that of another base model."""

from pydantic import Field

from scripts.lib.experiment.config.section import Name, Section


class Match(Section):
    """What image-to-image is to have in common with that of another base model."""

    snr_of: Name = Field(
        description="Name of a base model, `base` or one of `models`. Image-to-image begins at the step whose "
        "signal-to-noise ratio is nearest to that at which the images of this model have begun, in place of that of "
        "`strength`. The records of the image sets have the ratio."
    )
