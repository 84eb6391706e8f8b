"""nepotism: what a text-to-image model becomes when it is retrained on its own images.

Targets: `all` (every score, figure and table of the experiment), `downloads` (the weights that it needs
and lacks), `plan` (what it will cost), `status` (how far it is), `miniature` (train the embedded base
model anew), or the file of any one cell.
"""

from snakemake.utils import min_version

from scripts.lib import config as configuration

min_version("9.20")


if "experiment" not in config:

    configfile: "config.yaml"


EXPERIMENT = configuration.load(config)


include: "rules/common.smk"
include: "rules/downloads.smk"
include: "rules/dataset.smk"
include: "rules/loop.smk"
include: "rules/controls.smk"
include: "rules/scores.smk"
include: "rules/figures.smk"
include: "rules/explorer.smk"
include: "rules/costs.smk"
include: "rules/miniature.smk"
include: "rules/inspect.smk"
include: "rules/cluster.smk"


report: "report/workflow.rst"


rule all:
    default_target: True
    input:
        unets_to_keep(),
        shown=[
            "<results>/scores.csv",
            "<results>/summary.txt",
            "<results>/costs.csv",
            "<results>/configuration.csv",
            EXPLORER,
            collect("<results>/figures/{figure}.png", figure=FIGURES),
            collect("<results>/tables/{table}.html", table=TABLES),
        ],
    localrule: True
