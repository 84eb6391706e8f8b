"""nepotism: what a text-to-image model becomes when it is retrained on its own images.

Targets: `all` (every score, figure and table of the experiment), `scores`, `miniature` (train the
embedded base model anew), or the file of any one cell.
"""

from snakemake.utils import min_version

from scripts.lib import config as configuration

min_version("9.20")


if "experiment" not in config:

    configfile: "config.yaml"


EXPERIMENT = configuration.load(config)


include: "rules/common.smk"
include: "rules/dataset.smk"
include: "rules/loop.smk"
include: "rules/controls.smk"
include: "rules/scores.smk"
include: "rules/figures.smk"
include: "rules/costs.smk"
include: "rules/miniature.smk"
include: "rules/cluster.smk"


report: "report/workflow.rst"


rule all:
    default_target: True
    input:
        "<results>/scores.csv",
        "<results>/summary.txt",
        "<results>/costs.csv",
        collect("<results>/figures/{figure}.png", figure=FIGURES),
    localrule: True
