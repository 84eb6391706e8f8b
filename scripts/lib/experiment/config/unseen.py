"""Prompts outside the training set."""

from pydantic import Field, PositiveInt

from scripts.lib.experiment.config.section import Section


class Unseen(Section):
    """Prompts that no fine-tune sees (paper, section 3)."""

    prompts: list[str] = Field(min_length=1, description="The prompts, generated text-to-image in every cell.")
    per_prompt: PositiveInt = Field(1, description="Images per prompt.")
