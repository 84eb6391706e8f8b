"""What is done to generated images before they train: the steps of `curate`, and the scores by which they choose.

A step lies in `<cell>/curation/<number>-<kind>`: its table of candidates, and the images that it has rewritten.
"""


localrules:
    curate,


rule curate:
    """Decide which candidates may train."""
    input:
        unpack(lambda wildcards: read(curate_inputs(EXPERIMENT, this(wildcards), step_of(wildcards).number))),
    output:
        table=report(
            "<cell>/curation/{step}.csv",
            category="3. Data",
            caption="../report/decisions.rst",
            labels={
                "result": "{arm}, iteration {iteration} (CSV)",
                "shows": "what the step {step} decided, seed {replicate}",
            },
        ),
    log:
        "<cell_logs>/curation/{step}.log",
    benchmark:
        "<cell_benchmarks>/curation/{step}.tsv"
    wildcard_constraints:
        step=one_of({step.name for step in STEPS if step.rule == "curate"}),
    priority: urgency
    conda:
        "../envs/images.yaml"
    params:
        code=lambda wildcards: digest("scripts.curate", f"scripts.lib.curation.{step_of(wildcards).kind}"),
        step=lambda wildcards: in_file(
            {"step": step_of(wildcards).kind, "settings": step_of(wildcards).settings.model_dump_json()}
        ),
        root=fixed(ROOT_OPTION),
        seed=slot_draw,
        inputs=lambda wildcards, input: options(input, "before", "rewards", "first_batch", "real"),
        outputs=lambda wildcards, output: flags({"output": output.table, "rewritten": output.get("images")}),
    shell:
        "python -m scripts.curate {params.step} {input.images} {params.inputs} {params.root}"
        " --seed {params.seed} {params.outputs} > {log} 2>&1"


use rule curate as rewrite with:
    output:
        table="<cell>/curation/{step}.csv",
        images="<cell>/curation/{step}.zip",
    wildcard_constraints:
        step=one_of({step.name for step in STEPS if step.rule == "rewrite"}),


use rule rewrite as rewrite_with_model with:
    input:
        unpack(lambda wildcards: read(curate_inputs(EXPERIMENT, this(wildcards), step_of(wildcards).number))),
        weights=BASE_DOWNLOAD,
        checked=CHECKED_BASE,
    wildcard_constraints:
        step=one_of({step.name for step in STEPS if step.rule == "rewrite_with_model"}),
    conda:
        "../envs/diffusion.yaml"
    resources:
        gpu=1,
        mem_mb=base_memory(lambda wildcards: 1),
        runtime=rising(60),
    params:
        weights=BASE_DIGEST,
        outputs=lambda wildcards, output: flags(
            {"output": output.table, "rewritten": output.images, "model": base(wildcards)}
        ),


rule reward:
    """Score each image of a set."""
    input:
        images="<cell>/{images}.zip",
        real="<data>/images.zip",
        weights=lambda wildcards: downloaded(*reward_weights(wildcards)),
        checked=lambda wildcards: checked(*weights.uses_of_reward(EXPERIMENT, wildcards.reward)),
    output:
        "<cell>/{images}-{reward}.csv",
    log:
        "<cell_logs>/{images}-{reward}.log",
    benchmark:
        "<cell_benchmarks>/{images}-{reward}.tsv"
    wildcard_constraints:
        images=r"generated(-\d+)?|curation/\d+-\w+",
    priority: urgency
    conda:
        "../envs/diffusion.yaml"
    threads: 2
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: memory(*reward_weights(wildcards))(wildcards, attempt),
        runtime=rising(60),
        batch_size=EXECUTION.embed_batch_size,
    params:
        code=lambda wildcards: digest(
            "scripts.reward",
            f"scripts.lib.rewards.{wildcards.reward}",
            *(
                f"scripts.lib.networks.{use.network}"
                for use in weights.uses_of_reward(EXPERIMENT, wildcards.reward).values()
            ),
        ),
        weights=lambda wildcards: [weights.identity(EXPERIMENT, path) for path in reward_weights(wildcards)],
        rows=lambda wildcards: reward_rows(wildcards, f"{this(wildcards)}/{wildcards.images}.zip"),
        settings=lambda wildcards: in_file({"settings": reward_settings(wildcards).model_dump_json()}),
        root=fixed(ROOT_OPTION),
    shell:
        "python -m scripts.reward --images {input.images} --kind {wildcards.reward} {params.settings}"
        " --real {input.real} {params.root} --batch-size {resources.batch_size} --output {output}"
        " > {log} 2>&1"


use rule reward as reward_of_dataset with:
    # Each real image, for the steps that judge them too, or each image of a folder that arms train on.
    input:
        images="<results>/dataset/{set}.zip",
        real=lambda wildcards: f"<results>/{real_beside(wildcards.set)}/images.zip",
        weights=lambda wildcards: downloaded(*reward_weights(wildcards)),
        checked=lambda wildcards: checked(*weights.uses_of_reward(EXPERIMENT, wildcards.reward)),
    output:
        "<results>/dataset/{set}-{reward}.csv",
    log:
        "<logs>/dataset/{set}-{reward}.log",
    benchmark:
        "<benchmarks>/dataset/{set}-{reward}.tsv"
    wildcard_constraints:
        set=rf"(seed-({REPLICATE})/)?(images|fresh/\d+)|sources/({one_of(FOLDERS)})",
        reward=one_of(kinds("rewards")),
    priority: 0
    params:
        rows=lambda wildcards: reward_rows(wildcards, f"dataset/{wildcards.set}.zip"),
