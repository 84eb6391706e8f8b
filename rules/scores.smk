"""Embed each image set once per network, score each cell from its embeddings, gather the scores."""

GENERATED, UNSEEN = embedded("<cell>/generated.zip"), embedded("<cell>/unseen.zip")
IMAGES, REFERENCE = embedded("<data>/images.zip"), embedded("<data>/reference.zip")
EMBEDDING_DOWNLOAD = of_embedding(lambda name: downloaded(EMBEDDINGS[name].weights))
EMBEDDING_CHECK = of_embedding(lambda name: checked(f"score-{name}"))
REWRITTEN = {step.name for step in STEPS if step.needs.rewrites}


rule embed:
    input:
        sets=["<cell>/generated.zip", "<cell>/unseen.zip"],
        weights=EMBEDDING_DOWNLOAD,
        checked=EMBEDDING_CHECK,
    output:
        "<cell>/generated-{embedding}.safetensors",
        "<cell>/unseen-{embedding}.safetensors",
    log:
        "<cell_logs>/embed-{embedding}.log",
    benchmark:
        "<cell_benchmarks>/embed-{embedding}.tsv"
    conda:
        "../envs/diffusion.yaml"
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: memory(EMBEDDINGS[wildcards.embedding].weights)(wildcards, attempt),
        runtime=rising(60),
        batch_size=EXECUTION.embed_batch_size,
    params:
        code=of_embedding(lambda name: digest("scripts.embed", f"scripts.lib.networks.{EMBEDDINGS[name].network}")),
        weights=of_embedding(lambda name: weights.identity(EXPERIMENT, EMBEDDINGS[name].weights)),
        network=of_embedding(lambda name: flags(EMBEDDINGS[name])),
        clip_score=of_embedding(lambda name: "--clip-score" if name == CLIP_SCORE else ""),
        precision=PRECISION,
        outputs=lambda wildcards, output: flags({"output": list(output)}),
    shell:
        "python -m scripts.embed {input.sets} {params.network} {params.clip_score}"
        " --batch-size {resources.batch_size} {params.precision} {params.outputs} > {log} 2>&1"


use rule embed as embed_dataset with:
    input:
        sets=["<data>/images.zip", "<data>/reference.zip"],
        weights=EMBEDDING_DOWNLOAD,
        checked=EMBEDDING_CHECK,
    output:
        "<data>/images-{embedding}.safetensors",
        "<data>/reference-{embedding}.safetensors",
    log:
        "<data_logs>/embed-{embedding}.log",
    benchmark:
        "<data_benchmarks>/embed-{embedding}.tsv"


use rule embed as embed_set with:
    # A set that is not scored, and that models are trained on: of fresh images, of a folder, of further candidates, or
    # rewritten.
    input:
        sets="<results>/{set}.zip",
        weights=EMBEDDING_DOWNLOAD,
        checked=EMBEDDING_CHECK,
    output:
        "<results>/{set}-{embedding}.safetensors",
    log:
        "<logs>/{set}-{embedding}.log",
    benchmark:
        "<benchmarks>/{set}-{embedding}.tsv"
    wildcard_constraints:
        set=rf"{DATA}/fresh/\d+|dataset/sources/({one_of(FOLDERS)})|"
        rf"({ARM})/seed-({REPLICATE})/iteration-({ITERATION})/(generated-\d+|curation/({one_of(REWRITTEN)}))",
    params:
        clip_score="",


rule validate:
    """Measure a model on held-out images; apart from its training, since other images must not train it again."""
    input:
        unpack(lambda wildcards: read({"trained": model_folders(this(wildcards))})),
        images="<data>/reference.zip",
        weights=BASE_DOWNLOAD,
        checked=CHECKED_BASE,
    output:
        losses="<cell>/validation.csv",
        provenance="<cell>/validation.json",
    log:
        "<cell_logs>/validate.log",
    benchmark:
        "<cell_benchmarks>/validate.tsv"
    conda:
        "../envs/diffusion.yaml"
    resources:
        gpu=1,
        mem_mb=base_memory(lambda wildcards: 1),
        runtime=rising(60),
        batch_size=EXECUTION.generate_batch_size,
    params:
        code=lambda wildcards: digest("scripts.validate", *engine(wildcards), *trained_with(this(wildcards))),
        model=BASE_OPTION,
        weights=BASE_DIGEST,
        trained=lambda wildcards: flags(trained_option(this(wildcards))),
        settings=flags(EXPERIMENT.score.metrics.validation_loss),
        seed=EXPERIMENT.seed,
    shell:
        "python -m scripts.validate {params.model} {params.trained} --images {input.images} {params.settings}"
        " --seed {params.seed} --batch-size {resources.batch_size}"
        " --output {output.losses} --provenance {output.provenance} > {log} 2>&1"


rule score:
    input:
        unpack(lambda wildcards: read(score_inputs(EXPERIMENT, this(wildcards)))),
        images="<cell>/generated.zip",
        clip=GENERATED[0],
        features=GENERATED[1],
        reference="<data>/reference.zip",
        reference_clip=REFERENCE[0],
        reference_features=REFERENCE[1],
        unseen="<cell>/unseen.zip",
        unseen_clip=UNSEEN[0],
        unseen_features=UNSEEN[1],
    output:
        "<cell>/scores.json",
    log:
        "<cell_logs>/score.log",
    benchmark:
        "<cell_benchmarks>/score.tsv"
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.score", *METRICS),
        settings=fixed(SCORE_SETTINGS),
        labels=lambda wildcards: in_file(CLASSIFIED),
        learned=lambda wildcards: in_file({"training_set": training_sets(EXPERIMENT, this(wildcards))}),
        sets=lambda wildcards, input: in_file({name: input.get(name) for name in input.keys()}),
    shell:
        "python -m scripts.score {params.sets} {params.learned} {params.labels} {params.settings}"
        " --output {output} > {log} 2>&1"


use rule score as score_floor with:
    # The real images against the reference: what a perfect model would get.
    input:
        unpack(lambda wildcards: read(classified_inputs(EXPERIMENT, f"{data(wildcards)}/images.zip"))),
        images="<data>/images.zip",
        clip=IMAGES[0],
        features=IMAGES[1],
        reference="<data>/reference.zip",
        reference_clip=REFERENCE[0],
        reference_features=REFERENCE[1],
    output:
        "<data>/scores.json",
    log:
        "<data_logs>/score.log",
    benchmark:
        "<data_benchmarks>/score.tsv"
    params:
        learned="",


rule tabulate:
    input:
        floor=[f"<results>/{folder}/scores.json" for folder in data_folders(EXPERIMENT)],
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
        absent="<results>/absent.csv",
    log:
        "<logs>/tabulate.log",
    localrule: True
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.tabulate"),
        scores=lambda wildcards, input: in_file({"floor": list(input.floor)}, input.scores),
    shell:
        "python -m scripts.tabulate {params.scores} --output {output.scores}"
        " --means {output.means} --absent {output.absent} > {log} 2>&1"


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
        arms=lambda wildcards: in_file({"arms": ARMS}),
    shell:
        "python -m scripts.contrast {params.arms} --scores {input} --output {output} > {log} 2>&1"
