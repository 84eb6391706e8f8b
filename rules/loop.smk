"""One turn of the loop: compose a training set, fine-tune the model on it, generate with it."""


rule compose:
    input:
        unpack(lambda wildcards: read(compose_inputs(EXPERIMENT, this(wildcards)))),
        fresh=first_fresh_set,
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
        draw=slot_draw,
        root=fixed(RESULTS),
        candidates=lambda wildcards, input: options(input, "images", "before", "judged"),
        parts=parts_option,
    shell:
        "python -m scripts.compose {params.regime} --real {input.real} {params.candidates} {params.parts} --root {params.root}"
        " --share {params.share} --rounding {params.rounding} --draw {params.draw}"
        " --training {output.training} --composition {output.composition} > {log} 2>&1"


rule finetune:
    input:
        unpack(lambda wildcards: read(finetune_inputs(EXPERIMENT, this(wildcards)))),
        weights=downloaded(MODEL),
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
        mem_mb=lambda wildcards, attempt: memory(MODEL, copies=copies(this(wildcards)))(wildcards, attempt),
        runtime=rising(240),
        checkpoint_minutes=EXECUTION.checkpoint_minutes,
    params:
        code=lambda wildcards: digest("scripts.finetune", *engine(), trainable(this(wildcards))),
        model=fixed(MODEL_OPTION),
        weights=MODEL_DIGEST,
        settings=lambda wildcards: flags(arm_of(wildcards).finetune),
        root=fixed(RESULTS),
        images=lambda wildcards, input: options(input, "images"),
        trainable=lambda wildcards: in_file(
            {
                "trainable": arm_of(wildcards).finetune.trainable.kind,
                "trainable_settings": arm_of(wildcards).finetune.trainable.settings.model_dump_json(),
            }
        ),
        start=lambda wildcards: flags({"start": model_of(initial(EXPERIMENT, this(wildcards)))}),
        seed=EXPERIMENT.seed,
        cell=subpath(output.provenance, parent=True),
    shell:
        # exec: a shell in between would die of the SIGTERM that the fine-tune saves its state on.
        "exec python -m scripts.finetune {params.model} --training {input.training} {params.images} --root {params.root} {params.start}"
        " {params.trainable} {params.settings} --seed {params.seed} --replicate {wildcards.replicate} --iteration {wildcards.iteration}"
        " --checkpoints {params.cell}/checkpoints --checkpoint-minutes {resources.checkpoint_minutes} --code {params.code}"
        " --output {output.model} --provenance {output.provenance} > {log} 2>&1"


rule merge:
    """Merge two models in the place of a fine-tune."""
    input:
        unpack(lambda wildcards: read(merge_inputs(EXPERIMENT, this(wildcards)))),
        weights=downloaded(MODEL),
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
        mem_mb=memory(MODEL, copies=3),
        runtime=rising(60),
    params:
        code=lambda wildcards: digest(
            "scripts.merge", *engine(), f"scripts.lib.training.merges.{arm_of(wildcards).merge.kind}"
        ),
        model=fixed(MODEL_OPTION),
        weights=MODEL_DIGEST,
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
        prompts="<data>/images.zip",
        trained=model_to_run,
        weights=downloaded(MODEL),
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
        mem_mb=memory(MODEL),
        runtime=rising(240),
        batch_size=EXECUTION.generate_batch_size,
    params:
        code=lambda wildcards: digest("scripts.generate", *engine(), *trained_with(this(wildcards))),
        model=fixed(MODEL_OPTION),
        weights=MODEL_DIGEST,
        settings=lambda wildcards: generate_options(arm_of(wildcards).generate),
        size=EXPERIMENT.dataset.resolution,
        trained=lambda wildcards: flags(trained_option(this(wildcards))),
        seed=EXPERIMENT.seed,
        kind=lambda wildcards: f"images{wildcards.candidate}",
        shard=lambda wildcards: wildcards.shard,
        shards=SHARDS,
    shell:
        "python -m scripts.generate {params.model} {params.trained} --prompts {input.prompts} --kind {params.kind} {params.settings}"
        " --size {params.size}"
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
        prompts="<results>/dataset/unseen.csv",
        trained=model_to_run,
        weights=downloaded(MODEL),
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
        mem_mb=memory(MODEL),
        runtime=rising(60),
        batch_size=EXECUTION.generate_batch_size,
    params:
        settings=lambda wildcards: generate_options(arm_of(wildcards).generate.model_copy(update={"mode": "txt2img"})),
        kind="unseen",
        shard=0,
        shards=1,
