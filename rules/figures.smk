"""What people look at: curves, samples, tables that a report can show, and a few sentences."""

from scripts.lib.base.code import ROOT, digest_files
from scripts.lib.experiment import arms
from scripts.lib.experiment.cell import base_label
from scripts.lib.planning.amounts import steps_of_arms

FIRST = EXPERIMENT.replicates[0]
SHOWN = [cell for cell in every_cell(EXPERIMENT) if cell.replicate == FIRST]
LAST = {cell.arm: cell for cell in SHOWN}.values()
REJECTIONS = rejections(SHOWN)
# The cells of arms that continue from another one, each arm after the cell that it starts from: of many arms, the last.
HEALED = {name: arm for name, arm in EXPERIMENT.arms.items() if arm.parent}
HEALING = list(
    dict.fromkeys(
        cell
        for name, arm in HEALED.items()
        for cell in [
            Cell(arm.parent, FIRST, arm.from_iteration),
            *(cell for cell in (SHOWN if len(HEALED) <= 4 else LAST) if cell.arm == name),
        ]
    )
)
MAIN_SPACE = next(iter(SPACES))
MARKED = EXPERIMENT.score.metrics.watermark.key is not None
KNOWN = arms.of(EXPERIMENT)
CONTROL = arms.say_control(arms.controls_of(KNOWN))
# Figures of scores: which, in which feature space, and what they show. Those of the first space have no suffix.
CURVES = {
    kind if space == MAIN_SPACE else f"{kind}-{space}": (
        kind,
        space,
        shows if len(SPACES) == 1 else f"{shows}, features {space}",
    )
    for space in SPACES
    for kind, shows in {
        "curves": "quality over the iterations",
        "diversity": "diversity over the iterations",
        **({"watermark": "how well the watermark is found"} if MARKED and space == MAIN_SPACE else {}),
        "groups": "quality by demographic group",
        **({"contrasts": f"differences to {CONTROL}"} if EXPERIMENT.control else {}),
        **({"recovery": f"the way back to {CONTROL}"} if EXPERIMENT.control and HEALING else {}),
    }.items()
}
# What `draw_samples` shows: rows, a label and an image set each, and how many images of how many groups.
GROUP = json.dumps(EXPERIMENT.figures.group)
FIRST_DATA = data_of(EXPERIMENT, FIRST)
REAL = ("real images", f"{FIRST_DATA}/images.zip")
STARTS = [(base_label(name), f"{Cell(name, FIRST, 0)}/generated.zip") for name in BASES]
SAMPLES = {
    "pairs": {"shows": "real and generated images", "rows": [REAL, *STARTS], "groups": 5, "images": 3},
    "baseline": {
        "shows": "the base model, one group",
        "rows": STARTS,
        "groups": 1,
        "images": 10,
        "group": GROUP,
    },
    "healing": {
        "shows": "arms that continue from another one",
        "rows": [
            *STARTS,
            *((f"{cell.arm}\niteration {cell.iteration}", f"{cell}/generated.zip") for cell in HEALING),
        ],
        "groups": 5,
        "images": 3,
    },
}
FIGURES = [
    "pairs",
    "baseline",
    "grid",
    *CURVES,
    "nearest",
    *(["rejected"] if REJECTIONS else []),
    *(["healing"] if HEALING else []),
]
TABLES = {
    "cells": {"shows": "every cell, whole set", "category": "2. Scores", "sources": "<results>/scores.csv"},
    "composition": {
        "shows": "real and generated images of each training set",
        "category": "3. Data",
        "sources": [f"<results>/{cell}/composition.csv" for cell in trained(EXPERIMENT)],
    },
    "groups": {"shows": "images of each group", "category": "3. Data", "sources": f"<results>/{FIRST_DATA}/groups.csv"},
    "configuration": {
        "shows": "every setting",
        "category": "4. Configuration and costs",
        "sources": "<results>/configuration.csv",
    },
    "costs": {
        "shows": "hours and memory of each arm's jobs",
        "category": "4. Configuration and costs",
        "sources": "<results>/costs.csv",
    },
}
OPTIMIZER_STEPS = {row["arm"]: (row["first"], row["last"]) for row in steps_of_arms(EXPERIMENT)}
ARMS = json.dumps({name: arm._replace(steps=OPTIMIZER_STEPS.get(name))._asdict() for name, arm in KNOWN.items()})
SOURCES = {"avatars": "drawn avatars, not photographs", "folder": f"those of {EXPERIMENT.dataset.path}"}
NOTE = (
    f"The images are {SOURCES[EXPERIMENT.dataset.source]}; the Fréchet distance compares"
    f" {EXPERIMENT.score.features[MAIN_SPACE].network.upper()} features ({EXPERIMENT.score.features[MAIN_SPACE].weights}),"
    f" the CLIP score is that of {CLIP}. Scores of other images or other networks, the paper's among them, are not comparable with these."
)


rule draw_curves:
    input:
        "<results>/scores.csv",
    output:
        report(
            "<results>/figures/{figure}.png",
            category="2. Scores",
            subcategory=(lambda wildcards: f"features {CURVES[wildcards.figure][1]}") if len(SPACES) > 1 else None,
            caption="../report/curves.rst",
            labels=lambda wildcards: {"result": wildcards.figure, "shows": CURVES[wildcards.figure][2]},
        ),
        "<results>/figures/{figure}.svg",
        "<results>/figures/{figure}.pdf",
    log:
        "<logs>/draw_{figure}.log",
    wildcard_constraints:
        figure=one_of(CURVES),
    conda:
        "../envs/figures.yaml"
    params:
        code=digest("scripts.draw_curves", *METRICS),
        arms=lambda wildcards: in_file({"arms": ARMS}),
        drawn=lambda wildcards: flags(
            {
                "figure": CURVES[wildcards.figure][0],
                "space": CURVES[wildcards.figure][1],
                "network": EXPERIMENT.score.features[CURVES[wildcards.figure][1]].network.upper(),
            }
        ),
        outputs=lambda wildcards, output: flags({"output": list(output)}),
    shell:
        "python -m scripts.draw_curves {params.arms} {params.drawn} --scores {input} {params.outputs} > {log} 2>&1"


rule draw_samples:
    """Draw the same slots of a few groups: real beside generated, the base model alone, or a healing arm."""
    input:
        real=f"<results>/{FIRST_DATA}/images.zip",
        sets=lambda wildcards: [f"<results>/{path}" for _, path in SAMPLES[wildcards.figure]["rows"]],
    output:
        report(
            "<results>/figures/{figure}.png",
            category="1. Images",
            caption="../report/samples.rst",
            labels=lambda wildcards: {"result": wildcards.figure, "shows": SAMPLES[wildcards.figure]["shows"]},
        ),
        "<results>/figures/{figure}.svg",
        "<results>/figures/{figure}.pdf",
    log:
        "<logs>/draw_{figure}.log",
    wildcard_constraints:
        figure="|".join(SAMPLES),
    conda:
        "../envs/figures.yaml"
    params:
        code=digest("scripts.draw_samples"),
        settings=lambda wildcards: in_file(
            {"label": [label for label, _ in SAMPLES[wildcards.figure]["rows"]]}
            | {key: value for key, value in SAMPLES[wildcards.figure].items() if key not in ("shows", "rows")}
        ),
        sets=lambda wildcards, input: in_file({}, input.sets),
        outputs=lambda wildcards, output: flags({"output": list(output)}),
    shell:
        "python -m scripts.draw_samples {params.sets} {params.settings} --real {input.real} {params.outputs}"
        " > {log} 2>&1"


rule draw_rejected:
    input:
        tables=REJECTIONS,
        generated=[f"<results>/{cell}/generated.zip" for cell in SHOWN],
        real=f"<results>/{FIRST_DATA}/images.zip",
    output:
        report(
            "<results>/figures/rejected.png",
            category="1. Images",
            caption="../report/rejected.rst",
            labels={"result": "rejected", "shows": "what curation rejects, the farthest from its threshold first"},
        ),
        "<results>/figures/rejected.svg",
        "<results>/figures/rejected.pdf",
    log:
        "<logs>/draw_rejected.log",
    conda:
        "../envs/figures.yaml"
    params:
        code=digest("scripts.draw_rejected"),
        tables=lambda wildcards, input: in_file({}, input.tables),
        root=fixed(ROOT_OPTION),
        outputs=lambda wildcards, output: flags({"output": list(output)}),
    shell:
        "python -m scripts.draw_rejected {params.tables} {params.root} --real {input.real} --images 10"
        " {params.outputs} > {log} 2>&1"


rule draw_nearest:
    input:
        scores=[f"<results>/{cell}/scores.json" for cell in LAST],
        generated=[f"<results>/{cell}/generated.zip" for cell in LAST],
        training=sorted({f"<results>/{path}" for cell in LAST for path in training_sets(EXPERIMENT, cell)}),
    output:
        report(
            "<results>/figures/nearest.png",
            category="1. Images",
            caption="../report/nearest.rst",
            labels={"result": "nearest", "shows": "images that are nearest to a training image"},
        ),
        "<results>/figures/nearest.svg",
        "<results>/figures/nearest.pdf",
    log:
        "<logs>/draw_nearest.log",
    conda:
        "../envs/figures.yaml"
    params:
        code=digest("scripts.draw_nearest"),
        cells=lambda wildcards, input: in_file({"generated": list(input.generated)}, input.scores),
        root=fixed(ROOT_OPTION),
        outputs=lambda wildcards, output: flags({"output": list(output)}),
    shell:
        "python -m scripts.draw_nearest {params.cells} {params.root} {params.outputs} > {log} 2>&1"


rule draw_grid:
    input:
        real=f"<results>/{FIRST_DATA}/images.zip",
        generated=[f"<results>/{cell}/generated.zip" for cell in SHOWN],
        unseen=[f"<results>/{cell}/unseen.zip" for cell in LAST],
    output:
        report(
            "<results>/figures/grid.png",
            category="1. Images",
            caption="../report/grid.rst",
            labels={"result": "grid", "shows": "arms and iterations, unseen prompts"},
        ),
        "<results>/figures/grid.svg",
        "<results>/figures/grid.pdf",
    log:
        "<logs>/draw_grid.log",
    conda:
        "../envs/figures.yaml"
    params:
        code=digest("scripts.draw_grid"),
        arms=lambda wildcards: in_file({"arms": ARMS}),
        cells=lambda wildcards, input: in_file({"unseen": list(input.unseen)}, input.generated),
        images=EXPERIMENT.figures.images,
        outputs=lambda wildcards, output: flags({"output": list(output)}),
    shell:
        "python -m scripts.draw_grid {params.cells} {params.arms} --real {input.real} --images {params.images}"
        " {params.outputs} > {log} 2>&1"


rule record_configuration:
    """Write down every setting that can change a result, defaults and all; not before the results have them."""
    input:
        "<results>/scores.csv",
        "<results>/costs.csv",
    output:
        "<results>/configuration.csv",
    log:
        "<logs>/record_configuration.log",
    localrule: True
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.record_configuration"),
        settings=lambda wildcards: in_file({"settings": json.dumps(describe(EXPERIMENT))}),
    shell:
        "python -m scripts.record_configuration {params.settings} --output {output} > {log} 2>&1"


rule typeset:
    """Make a table into a page that the report can show; it offers a CSV for download only."""
    input:
        lambda wildcards: TABLES[wildcards.table]["sources"],
    output:
        report(
            "<results>/tables/{table}.html",
            category=lambda wildcards: TABLES[wildcards.table]["category"],
            caption="../report/tables.rst",
            labels=lambda wildcards: {"result": wildcards.table, "shows": TABLES[wildcards.table]["shows"]},
        ),
    log:
        "<logs>/typeset_{table}.log",
    wildcard_constraints:
        table="|".join(TABLES),
    localrule: True
    conda:
        "../envs/explorer.yaml"
    params:
        code=digest("scripts.typeset"),
        template=digest_files(ROOT / "report" / "table"),
        sources=lambda wildcards, input: in_file({}, input),
    shell:
        "python -m scripts.typeset {params.sources} --table {wildcards.table} --output {output} > {log} 2>&1"


rule summarize:
    input:
        "<results>/scores.csv",
    output:
        report(
            "<results>/summary.txt",
            category="2. Scores",
            caption="../report/scores.rst",
            labels={"result": "summary (text)", "shows": "the scores in a few sentences"},
        ),
    log:
        "<logs>/summarize.log",
    localrule: True
    conda:
        "../envs/figures.yaml"
    params:
        code=digest("scripts.summarize"),
        arms=lambda wildcards: in_file({"arms": ARMS, "note": NOTE}),
        space=fixed(flags({"space": MAIN_SPACE})),
    shell:
        "python -m scripts.summarize {params.arms} {params.space} --scores {input} --output {output} > {log} 2>&1"
