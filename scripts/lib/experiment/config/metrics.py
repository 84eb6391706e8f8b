"""The settings of the metrics."""

from typing import TYPE_CHECKING

from scripts.lib.experiment.config.choice import defaults_of
from scripts.lib.experiment.config.section import Section

if TYPE_CHECKING:
    Metrics = Section
else:
    Metrics = defaults_of("metrics", "Metrics", "The settings of the metrics, by the name of their file.")
