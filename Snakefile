"""nepotism: what a text-to-image model becomes when it is retrained on its own images.

Targets: `all` (every score, figure and table of the experiment), `downloads` (the weights that it needs
and lacks), `plan` (what it will cost), `status` (how far it is), `miniature` and `miniature_flow` (train the
embedded base models again), or the file of any one cell.
"""

from pathlib import Path

from snakemake.utils import min_version

from scripts.lib.base.code import ROOT
from scripts.lib.experiment.config.files import check_order, check_text
from scripts.lib.experiment.config.load import load

min_version("9.20")


if not workflow.configfiles:

    configfile: "config.yaml" if Path("config.yaml").is_file() else str(ROOT / "config.yaml")


check_text([Path(path) for path in workflow.configfiles])
if not workflow.modifier.skip_configfile:  # The files of a workflow that uses this one as a module are its own.
    check_order([Path(path) for path in workflow.configfiles], config, ROOT)
EXPERIMENT = load(config, ROOT)


container: "nepotism.sif"  # Of use with `--sdm apptainer` alone; docs/cluster.md says how to build it.


include: "rules/common.smk"
include: "rules/downloads.smk"
include: "rules/dataset.smk"
include: "rules/loop.smk"
include: "rules/curation.smk"
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
        models_to_keep(),
        shown=[
            "<results>/scores.csv",
            "<results>/contrasts.csv",
            "<results>/summary.txt",
            "<results>/costs.csv",
            "<results>/configuration.csv",
            EXPLORER,
            collect("<results>/figures/{figure}.png", figure=FIGURES),
            collect("<results>/tables/{table}.html", table=TABLES),
        ],
    localrule: True
