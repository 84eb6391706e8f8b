"""What people look at: the curves, the grid of images, and a few sentences."""

FIGURES = ["curves", "grid"]
ARMS = json.dumps(
    {
        name: arm.model_dump(include={"synthetic", "control", "parent", "from_iteration"})
        for name, arm in EXPERIMENT.arms.items()
    }
)
SHOWN = [cell for cell in [*base_cells(EXPERIMENT), *cells(EXPERIMENT)] if cell.replicate == EXPERIMENT.replicates[0]]
LAST = {cell.arm: cell for cell in SHOWN}.values()
SOURCES = {"avatars": "drawn avatars, not photographs", "folder": f"those of {EXPERIMENT.dataset.path}"}
NOTE = (
    f"The images are {SOURCES[EXPERIMENT.dataset.source]}; the Fréchet distance compares"
    f" {EXPERIMENT.score.features.network.upper()} features ({EXPERIMENT.score.features.weights}), the CLIP score is"
    f" that of {CLIP}. Scores of other images or other networks, the paper's among them, are not comparable with these."
)


rule draw_curves:
    input:
        "<results>/scores.csv",
    output:
        report("<results>/figures/curves.png", category="Figures", caption="../report/curves.rst"),
        "<results>/figures/curves.svg",
        "<results>/figures/curves.pdf",
    log:
        "<logs>/draw_curves.log",
    conda:
        "../envs/figures.yaml"
    params:
        code=digest("scripts.draw_curves"),
        arms=lambda wildcards: ARMS,
        features=EXPERIMENT.score.features.network.upper(),
        outputs=lambda wildcards, output: flags({"output": list(output)}),
    shell:
        "python -m scripts.draw_curves --scores {input} --arms {params.arms:q} --features {params.features}"
        " {params.outputs} > {log} 2>&1"


rule draw_grid:
    input:
        real="<results>/dataset/images.zip",
        generated=[f"<results>/{cell}/generated.zip" for cell in SHOWN],
        unseen=[f"<results>/{cell}/unseen.zip" for cell in LAST],
    output:
        report("<results>/figures/grid.png", category="Figures", caption="../report/grid.rst"),
        "<results>/figures/grid.svg",
        "<results>/figures/grid.pdf",
    log:
        "<logs>/draw_grid.log",
    conda:
        "../envs/figures.yaml"
    params:
        code=digest("scripts.draw_grid"),
        arms=lambda wildcards: ARMS,
        group=lambda wildcards: json.dumps(EXPERIMENT.figures.group),
        images=EXPERIMENT.figures.images,
        unseen=lambda wildcards, input: flags({"unseen": list(input.unseen)}),
        outputs=lambda wildcards, output: flags({"output": list(output)}),
    shell:
        "python -m scripts.draw_grid {input.generated} {params.unseen} --real {input.real} --arms {params.arms:q}"
        " --group {params.group:q} --images {params.images} {params.outputs} > {log} 2>&1"


rule summarize:
    input:
        "<results>/scores.csv",
    output:
        report("<results>/summary.txt", category="Scores", caption="../report/scores.rst"),
    log:
        "<logs>/summarize.log",
    localrule: True
    conda:
        "../envs/figures.yaml"
    params:
        code=digest("scripts.summarize"),
        arms=lambda wildcards: ARMS,
        note=lambda wildcards: NOTE,
    shell:
        "python -m scripts.summarize --scores {input} --arms {params.arms:q} --note {params.note:q}"
        " --output {output} > {log} 2>&1"
