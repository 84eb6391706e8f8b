"""One turn of the loop: compose a training set, fine-tune the model on it, generate with it."""


rule compose:
    input:
        unpack(lambda wildcards: read(compose_inputs(EXPERIMENT, this(wildcards)))),
        fresh=fresh_table,
    output:
        training="<trained>/training.csv",
        composition="<trained>/composition.csv",
    log:
        "<cell_logs>/compose.log",
    benchmark:
        "<cell_benchmarks>/compose.tsv"
    priority: urgency
    localrule: True
    conda:
        "../envs/images.yaml"
    params:
        code=lambda wildcards: digest("scripts.compose", f"scripts.lib.regimes.{arm_of(wildcards).regime.kind}"),
        regime=lambda wildcards: in_file(
            {
                "regime": arm_of(wildcards).regime.kind,
                "settings": arm_of(wildcards).regime.settings.model_dump_json(),
            }
        ),
        share=lambda wildcards: arm_of(wildcards).synthetic,
        rounding=EXPERIMENT.compose.rounding,
        slots=lambda wildcards: flags({"real_per_group": arm_of(wildcards).real_per_group}),
        draw=slot_draw,
        root=fixed(ROOT_OPTION),
        candidates=lambda wildcards, input: options(input, "images", "before", "judged"),
        parts=parts_option,
    shell:
        "python -m scripts.compose {params.regime} --real {input.real} {params.candidates} {params.parts} {params.root}"
        " --share {params.share} --rounding {params.rounding} --draw {params.draw} {params.slots}"
        " --training {output.training} --composition {output.composition} > {log} 2>&1"


rule finetune:
    input:
        unpack(lambda wildcards: read(finetune_inputs(EXPERIMENT, this(wildcards)))),
        weights=BASE_DOWNLOAD,
        checked=checked_model,
    output:
        model=directory(removable("<trained>/model")),
        provenance="<trained>/finetune.json",
    log:
        "<cell_logs>/finetune.log",
    benchmark:
        "<cell_benchmarks>/finetune.tsv"
    priority: urgency
    conda:
        "../envs/diffusion.yaml"
    resources:
        gpu=1,
        mem_mb=base_memory(lambda wildcards: copies(this(wildcards))),
        runtime=rising(240),
        checkpoint_minutes=EXECUTION.checkpoint_minutes,
    params:
        code=lambda wildcards: digest("scripts.finetune", *engine(wildcards), trainable(this(wildcards))),
        model=BASE_OPTION,
        weights=BASE_DIGEST,
        settings=lambda wildcards: finetune_settings(wildcards.arm),
        tf32=TF32,
        root=fixed(ROOT_OPTION),
        images=lambda wildcards, input: options(input, "images"),
        start=lambda wildcards: flags({"start": model_of(initial(EXPERIMENT, this(wildcards)))}),
        seed=EXPERIMENT.seed,
        cell=subpath(output.provenance, parent=True),
    shell:
        # exec: a shell in between would die of the SIGTERM that the fine-tune saves its state on.
        "exec python -m scripts.finetune {params.model} --training {input.training} {params.images} {params.root} {params.start}"
        " {params.settings} {params.tf32} --seed {params.seed} --replicate {wildcards.replicate} --iteration {wildcards.iteration}"
        " --checkpoints {params.cell}/checkpoints --checkpoint-minutes {resources.checkpoint_minutes} --code {params.code}"
        " --output {output.model} --provenance {output.provenance} > {log} 2>&1"


rule merge:
    """Merge two models in the place of a fine-tune."""
    input:
        unpack(lambda wildcards: read(merge_inputs(EXPERIMENT, this(wildcards)))),
        weights=BASE_DOWNLOAD,
        checked=checked_model,
    output:
        model=directory(removable("<merged>/model")),
        provenance="<merged>/merge.json",
    log:
        "<cell_logs>/merge.log",
    benchmark:
        "<cell_benchmarks>/merge.tsv"
    priority: urgency
    conda:
        "../envs/diffusion.yaml"
    resources:
        mem_mb=base_memory(lambda wildcards: 3),
        runtime=rising(60),
    params:
        code=lambda wildcards: digest(
            "scripts.merge", *engine(wildcards), f"scripts.lib.training.merges.{arm_of(wildcards).merge.kind}"
        ),
        model=BASE_OPTION,
        weights=BASE_DIGEST,
        settings=lambda wildcards: in_file(
            {
                "kind": arm_of(wildcards).merge.kind,
                "settings": arm_of(wildcards).merge.settings.model_dump_json(),
            }
        ),
        models=merge_options,
        seed=EXPERIMENT.seed,
    shell:
        "python -m scripts.merge {params.model} {params.settings} {params.models} --seed {params.seed}"
        " --replicate {wildcards.replicate} --iteration {wildcards.iteration} --output {output.model}"
        " --provenance {output.provenance} > {log} 2>&1"


rule generate:
    input:
        unpack(
            lambda wildcards: read(
                models_inputs(EXPERIMENT, this(wildcards)) | match_inputs(EXPERIMENT, this(wildcards))
            )
        ),
        prompts="<data>/images.zip",
        weights=BASE_DOWNLOAD,
        checked=checked_model,
    output:
        images=temp("<cell>/generated{candidate}/shard-{shard}.zip"),
        provenance="<cell>/generated{candidate}/shard-{shard}.json",
    log:
        "<cell_logs>/generate{candidate}-{shard}.log",
    benchmark:
        "<cell_benchmarks>/generate{candidate}-{shard}.tsv"
    priority: urgency
    conda:
        "../envs/diffusion.yaml"
    resources:
        gpu=1,
        mem_mb=base_memory(lambda wildcards: len(made_with(wildcards))),
        runtime=rising(240),
        batch_size=EXECUTION.generate_batch_size,
    params:
        code=lambda wildcards: digest(
            "scripts.generate",
            *engine(wildcards),
            *(module for cell in made_with(wildcards) for module in trained_with(cell)),
        ),
        model=BASE_OPTION,
        weights=BASE_DIGEST,
        settings=lambda wildcards: generate_options(wildcards),
        size=EXPERIMENT.dataset.resolution,
        arithmetic=ARITHMETIC,
        seed=EXPERIMENT.seed,
        kind="images{candidate}",
        shard="{shard}",
        shards=SHARDS,
    shell:
        "python -m scripts.generate {params.model} --prompts {input.prompts} --kind {params.kind} {params.settings}"
        " --size {params.size} {params.arithmetic}"
        " --seed {params.seed} --replicate {wildcards.replicate} --iteration {wildcards.iteration}"
        " --batch-size {resources.batch_size} --shard {params.shard} --shards {params.shards}"
        " --output {output.images} --provenance {output.provenance} > {log} 2>&1"


rule gather:
    input:
        real="<data>/images.zip",
        shards=collect("<cell>/generated{candidate}/shard-{shard}.zip", shard=range(SHARDS), allow_missing=True),
    output:
        "<cell>/generated{candidate}.zip",
    log:
        "<cell_logs>/gather{candidate}.log",
    priority: urgency
    localrule: True
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.gather"),
    shell:
        "python -m scripts.gather {input.shards} --order {input.real} --output {output} > {log} 2>&1"


use rule generate as unseen with:
    input:
        unpack(lambda wildcards: read(models_inputs(EXPERIMENT, this(wildcards)))),
        prompts="<results>/dataset/unseen.csv",
        weights=BASE_DOWNLOAD,
        checked=checked_model,
    output:
        images="<cell>/unseen.zip",
        provenance="<cell>/unseen.json",
    log:
        "<cell_logs>/unseen.log",
    benchmark:
        "<cell_benchmarks>/unseen.tsv"
    priority: 0
    resources:
        gpu=1,
        mem_mb=base_memory(lambda wildcards: len(made_with(wildcards))),
        runtime=rising(60),
        batch_size=EXECUTION.generate_batch_size,
    params:
        settings=lambda wildcards: generate_options(wildcards, mode="txt2img"),
        kind="unseen",
        shard=0,
        shards=1,
