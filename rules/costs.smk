"""What the experiment cost: a table of its fine-tunes and generations, made from their provenance."""


rule costs:
    input:
        finetunes=[f"<results>/{cell}/finetune.json" for cell in trained(EXPERIMENT)],
        merges=[f"<results>/{cell}/merge.json" for cell in cells(EXPERIMENT) if merged_from(EXPERIMENT, cell)],
        generations=[
            f"<results>/{cell}/{name}.json"
            for cell, sets in image_sets(EXPERIMENT).items()
            for name in [*(f"generated{one}/shard-{shard}" for one in sets for shard in range(SHARDS)), "unseen"]
        ],
    output:
        report(
            "<results>/costs.csv",
            category="4. Configuration and costs",
            caption="../report/costs.rst",
            labels={"result": "costs (CSV)", "shows": "seconds, memory and device of each job"},
        ),
    log:
        "<logs>/costs.log",
    localrule: True
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.costs"),
        records=lambda wildcards, input: in_file({}, input),
    shell:
        "python -m scripts.costs {params.records} --output {output} > {log} 2>&1"
