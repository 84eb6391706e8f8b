"""Real images: which there are, which are used, and the image sets of them."""


rule catalogue:
    input:
        labels=EXPERIMENT.dataset.labels or [],
    output:
        "<results>/dataset/catalogue.csv",
    log:
        "<logs>/dataset/catalogue.log",
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.catalogue"),
        source=EXPERIMENT.dataset.source,
        attributes=lambda wildcards: ATTRIBUTES,
        per_group=EXPERIMENT.dataset.per_group + EXPERIMENT.dataset.reference_per_group,
        folder=FOLDER,
        labels=flags({"labels": EXPERIMENT.dataset.labels}),
    shell:
        "python -m scripts.catalogue --source {params.source} --attributes {params.attributes:q}"
        " --per-group {params.per_group} {params.folder} {params.labels} --output {output} > {log} 2>&1"


rule select:
    input:
        "<results>/dataset/catalogue.csv",
    output:
        selection="<results>/dataset/selection.csv",
        groups="<results>/dataset/groups.csv",
    log:
        "<logs>/dataset/select.log",
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.select"),
        attributes=lambda wildcards: ATTRIBUTES,
        prompt=lambda wildcards: EXPERIMENT.dataset.prompt,
        per_group=EXPERIMENT.dataset.per_group,
        reference_per_group=EXPERIMENT.dataset.reference_per_group,
        short_group=EXPERIMENT.dataset.short_group,
        seed=EXPERIMENT.seed,
    shell:
        "python -m scripts.select --catalogue {input} --attributes {params.attributes:q} --prompt {params.prompt:q}"
        " --per-group {params.per_group} --reference-per-group {params.reference_per_group}"
        " --short-group {params.short_group} --seed {params.seed}"
        " --selection {output.selection} --groups {output.groups} > {log} 2>&1"


rule prepare:
    input:
        "<results>/dataset/selection.csv",
    output:
        images="<results>/dataset/images.zip",
        reference="<results>/dataset/reference.zip",
    log:
        "<logs>/dataset/prepare.log",
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.prepare"),
        source=EXPERIMENT.dataset.source,
        size=EXPERIMENT.dataset.resolution,
        seed=EXPERIMENT.seed,
        folder=FOLDER,
    shell:
        "python -m scripts.prepare --selection {input} --source {params.source} --size {params.size}"
        " --seed {params.seed} {params.folder} --images {output.images} --reference {output.reference} > {log} 2>&1"


rule unseen_prompts:
    output:
        "<results>/dataset/unseen.csv",
    log:
        "<logs>/dataset/unseen_prompts.log",
    localrule: True
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.unseen_prompts"),
        prompts=flags({"prompt": EXPERIMENT.unseen.prompts, "per_prompt": EXPERIMENT.unseen.per_prompt}),
    shell:
        "python -m scripts.unseen_prompts {params.prompts} --output {output} > {log} 2>&1"
