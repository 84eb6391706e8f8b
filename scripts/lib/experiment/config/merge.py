"""How an arm merges two models."""

from typing import TYPE_CHECKING, TypeAlias

from scripts.lib.experiment.config.choice import Choice, choice_of

if TYPE_CHECKING:
    Merge: TypeAlias = Choice
else:
    Merge = choice_of("training.merges", "Merge", "How two models are merged in the place of a fine-tune.")
