"""The steps of curation, the regimes and the rewards that an arm chooses among."""

from typing import TYPE_CHECKING, TypeAlias

from scripts.lib.experiment.config.choice import Choice, choice_of, defaults_of
from scripts.lib.experiment.config.section import Section

if TYPE_CHECKING:
    Step: TypeAlias = Choice
    Regime: TypeAlias = Choice
    Curation: TypeAlias = Section
    Rewards: TypeAlias = Section
else:
    Step = choice_of("curation", "Step", "A step of curation, with the settings in which it differs from `curation`.")
    Regime = choice_of("regimes", "Regime", "Which iterations' images may train, and how they meet the real ones.")
    Curation = defaults_of("curation", "Curation", "The settings of the steps of curation, in all arms.")
    Rewards = defaults_of("rewards", "Rewards", "Scores of single images, by which steps choose.", optional=True)
