"""Embed each image set once, score each cell from its embeddings, gather the scores."""


rule embed_dataset:
    input:
        images="<results>/dataset/images.zip",
        reference="<results>/dataset/reference.zip",
        weights=downloaded(*SCORE_NETWORKS),
        checked=checked("clip", "features"),
    output:
        images="<results>/dataset/images.safetensors",
        reference="<results>/dataset/reference.safetensors",
    log:
        "<logs>/dataset/embed.log",
    benchmark:
        "<benchmarks>/dataset/embed.tsv"
    conda:
        "../envs/diffusion.yaml"
    resources:
        gpu=1,
        mem_mb=memory(*SCORE_NETWORKS),
        runtime=rising(60),
        batch_size=EXECUTION.embed_batch_size,
    params:
        code=digest("scripts.embed", NETWORK),
        weights=SCORE_WEIGHTS,
        networks=fixed(NETWORKS),
    shell:
        "python -m scripts.embed {input.images} {input.reference} {params.networks}"
        " --batch-size {resources.batch_size} --output {output.images} --output {output.reference} > {log} 2>&1"


rule embed:
    input:
        generated="<cell>/generated.zip",
        unseen="<cell>/unseen.zip",
        weights=downloaded(*SCORE_NETWORKS),
        checked=checked("clip", "features"),
    output:
        generated="<cell>/generated.safetensors",
        unseen="<cell>/unseen.safetensors",
    log:
        "<logs>/{arm}/seed-{replicate}/iteration-{iteration}/embed.log",
    benchmark:
        "<benchmarks>/{arm}/seed-{replicate}/iteration-{iteration}/embed.tsv"
    conda:
        "../envs/diffusion.yaml"
    resources:
        gpu=1,
        mem_mb=memory(*SCORE_NETWORKS),
        runtime=rising(60),
        batch_size=EXECUTION.embed_batch_size,
    params:
        code=digest("scripts.embed", NETWORK),
        weights=SCORE_WEIGHTS,
        networks=fixed(NETWORKS),
    shell:
        "python -m scripts.embed {input.generated} {input.unseen} {params.networks}"
        " --batch-size {resources.batch_size} --output {output.generated} --output {output.unseen} > {log} 2>&1"


rule score_floor:
    """Score the real images against the reference: what a perfect model would get."""
    input:
        images="<results>/dataset/images.zip",
        features="<results>/dataset/images.safetensors",
        reference="<results>/dataset/reference.zip",
        reference_features="<results>/dataset/reference.safetensors",
    output:
        "<results>/dataset/scores.json",
    log:
        "<logs>/dataset/score.log",
    benchmark:
        "<benchmarks>/dataset/score.tsv"
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.score", *METRICS),
        settings=fixed(SCORE_SETTINGS),
    shell:
        "python -m scripts.score --images {input.images} --features {input.features} --reference {input.reference}"
        " --reference-features {input.reference_features} {params.settings} --output {output} > {log} 2>&1"


rule score:
    input:
        images="<cell>/generated.zip",
        features="<cell>/generated.safetensors",
        reference="<results>/dataset/reference.zip",
        reference_features="<results>/dataset/reference.safetensors",
        unseen="<cell>/unseen.zip",
        unseen_features="<cell>/unseen.safetensors",
    output:
        "<cell>/scores.json",
    log:
        "<logs>/{arm}/seed-{replicate}/iteration-{iteration}/score.log",
    benchmark:
        "<benchmarks>/{arm}/seed-{replicate}/iteration-{iteration}/score.tsv"
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.score", *METRICS),
        settings=fixed(SCORE_SETTINGS),
    shell:
        "python -m scripts.score --images {input.images} --features {input.features} --reference {input.reference}"
        " --reference-features {input.reference_features} --unseen {input.unseen}"
        " --unseen-features {input.unseen_features} {params.settings} --output {output} > {log} 2>&1"


rule tabulate:
    input:
        floor="<results>/dataset/scores.json",
        scores=[f"<results>/{cell}/scores.json" for cell in every_cell(EXPERIMENT)],
    output:
        scores=report(
            "<results>/scores.csv",
            category="2. Scores",
            caption="../report/scores.rst",
            labels={"result": "scores (CSV)", "shows": "every score, groups too"},
        ),
        means=report(
            "<results>/means.csv",
            category="2. Scores",
            caption="../report/means.rst",
            labels={"result": "means (CSV)", "shows": "means over replicates, with 95 % intervals"},
        ),
    log:
        "<logs>/tabulate.log",
    localrule: True
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.tabulate"),
        scores=lambda wildcards, input: in_file({}, input.scores),
    shell:
        "python -m scripts.tabulate {params.scores} --floor {input.floor} --output {output.scores}"
        " --means {output.means} > {log} 2>&1"


rule contrast:
    input:
        "<results>/scores.csv",
    output:
        report(
            "<results>/contrasts.csv",
            category="2. Scores",
            caption="../report/contrasts.rst",
            labels={"result": "contrasts (CSV)", "shows": "differences to the control arm, with 95 % intervals"},
        ),
    log:
        "<logs>/contrast.log",
    localrule: True
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.contrast"),
        control=fixed(CONTROL),
    shell:
        "python -m scripts.contrast {params.control} --scores {input} --output {output} > {log} 2>&1"
