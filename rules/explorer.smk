"""The page on which one walks through the experiment."""

from scripts.lib.base.code import ROOT, digest_files

# Where a thumbnail is smaller than the image, a few images lie beside the page in full size.
FULL_SIZE = {
    "full_size": EXPERIMENT.explorer.full_size,
    "full_size_folder": f"{PLACE}/explorer",
}
HAS_FULL_SIZE = EXPERIMENT.explorer.full_size > 0 and EXPERIMENT.dataset.resolution > EXPERIMENT.explorer.thumbnail
EXPLORER = ["<results>/explorer.html", *(["<results>/explorer"] if HAS_FULL_SIZE else [])]


rule build_explorer:
    input:
        real=[f"<results>/{folder}/images.zip" for folder in data_folders(EXPERIMENT)],
        scores="<results>/scores.csv",
        generated=[f"<results>/{cell}/generated.zip" for cell in every_cell(EXPERIMENT)],
        unseen=[f"<results>/{cell}/unseen.zip" for cell in every_cell(EXPERIMENT)],
        training=[f"<results>/{cell}/training.csv" for cell in trained(EXPERIMENT)],
        rejections=rejections(cells(EXPERIMENT)),
    output:
        page="<results>/explorer.html",
        full_size=[directory("<results>/explorer")] if HAS_FULL_SIZE else [],
    log:
        "<logs>/build_explorer.log",
    conda:
        "../envs/explorer.yaml"
    threads: 2
    resources:
        mem_mb=3000,
        runtime="1h",
    params:
        code=digest("scripts.build_explorer", *METRICS),
        template=digest_files(ROOT / "report" / "explorer"),
        arms=lambda wildcards: in_file({"arms": ARMS, "group": GROUP, "note": NOTE}),
        cells=lambda wildcards, input: in_file(
            {name: list(input[name]) for name in ("real", "unseen", "training", "rejections")}, input.generated
        ),
        images=EXPERIMENT.explorer.images,
        thumbnail=EXPERIMENT.explorer.thumbnail,
        full_size=flags(FULL_SIZE) if HAS_FULL_SIZE else "",
        experiment=EXPERIMENT.experiment,
    shell:
        "python -m scripts.build_explorer {params.cells} {params.arms} --scores {input.scores}"
        " --experiment {params.experiment} --images {params.images} --thumbnail {params.thumbnail} {params.full_size}"
        " --threads {threads} --output {output.page}"
        " > {log} 2>&1"
