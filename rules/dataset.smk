"""Real images: which there are, which are used, and the image sets of them.

What takes seconds and runs in a row shares one job of a cluster (`group`).
"""


rule list_images:
    output:
        "<results>/dataset/files.csv",
    log:
        "<logs>/dataset/list_images.log",
    group:
        "labels"
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.list_images"),
        content=lambda wildcards: listing_of(EXPERIMENT.dataset.path),
        folder=fixed(FOLDER),
    shell:
        "python -m scripts.list_images {params.folder} --output {output} > {log} 2>&1"


rule read_labels:
    input:
        files="<results>/dataset/files.csv",
        tables=[local(path) for path in LABEL_PATHS["csv"]],
        weights=downloaded(DEEPFACE.weights) if DEEPFACE else [],
    output:
        "<results>/dataset/labels.csv",
    log:
        "<logs>/dataset/read_labels.log",
    group:
        "labels"
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.read_labels"),
        content=lambda wildcards: [content_of(path) for paths in LABEL_PATHS.values() for path in paths],
        labels=lambda wildcards: in_file(LABELS),
        broken=EXPERIMENT.dataset.broken,
        deepface=fixed(DEEPFACE_FILES),
    shell:
        "python -m scripts.read_labels {params.labels} --files {input.files} --broken {params.broken}"
        " {params.deepface} --output {output} > {log} 2>&1"


rule classify:
    """Classify a shard with DeepFace; not before the tables of labels are found right, but not again when they change."""
    input:
        files="<results>/dataset/files.csv",
        checked=ancient("<results>/dataset/labels.csv"),
        weights=downloaded(DEEPFACE.weights) if DEEPFACE else [],
    output:
        labels="<results>/dataset/classified/shard-{shard}.csv",
        provenance="<results>/dataset/classified/shard-{shard}.json",
    log:
        "<logs>/dataset/classify-{shard}.log",
    benchmark:
        "<benchmarks>/dataset/classify-{shard}.tsv"
    conda:
        "../envs/classify.yaml"
    threads: 8
    resources:
        mem_mb=7000,
        runtime="12h",
        batch_size=EXECUTION.classify_batch_size,
    params:
        code=digest("scripts.classify"),
        folder=fixed(FOLDER),
        deepface=fixed(DEEPFACE_FILES),
        content=lambda wildcards: deepface_content(),
        attribute=flags({"attribute": EXPERIMENT.dataset.classified}),
        shards=EXECUTION.classify_shards,
    shell:
        "python -m scripts.classify --files {input.files} {params.folder} {params.deepface}"
        " {params.attribute} --batch-size {resources.batch_size} --threads {threads}"
        " --shard {wildcards.shard} --shards {params.shards} --output {output.labels}"
        " --provenance {output.provenance} > {log} 2>&1"


rule classify_set:
    """Classify an image set as the data set was classified: a score says whether it shows the prompted groups."""
    input:
        images="<results>/{set}.zip",
        weights=downloaded(DEEPFACE.weights) if DEEPFACE else [],
    output:
        labels="<results>/{set}-classified.csv",
        provenance="<results>/{set}-classified.json",
    log:
        "<logs>/{set}-classified.log",
    benchmark:
        "<benchmarks>/{set}-classified.tsv"
    wildcard_constraints:
        set=rf"{DATA}/images|({ARM})/seed-({REPLICATE})/iteration-({ITERATION})/generated",
    conda:
        "../envs/classify.yaml"
    threads: 8
    resources:
        mem_mb=7000,
        runtime=rising(240),
        batch_size=EXECUTION.classify_batch_size,
    params:
        code=digest("scripts.classify_set"),
        deepface=fixed(DEEPFACE_FILES),
        content=lambda wildcards: deepface_content(),
        attribute=flags({"attribute": EXPERIMENT.dataset.classified}),
    shell:
        "python -m scripts.classify_set --images {input.images} {params.deepface} {params.attribute}"
        " --batch-size {resources.batch_size} --threads {threads}"
        " --output {output.labels} --provenance {output.provenance} > {log} 2>&1"


rule catalogue:
    input:
        labels="<results>/dataset/labels.csv" if EXPERIMENT.dataset.recipes else [],
        classified=(
            collect("<results>/dataset/classified/shard-{shard}.csv", shard=range(EXECUTION.classify_shards))
            if EXPERIMENT.dataset.classified
            else []
        ),
    output:
        "<results>/dataset/catalogue.csv",
    log:
        "<logs>/dataset/catalogue.log",
    group:
        "dataset"
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.catalogue"),
        source=EXPERIMENT.dataset.source,
        per_group=EXPERIMENT.dataset.per_group + EXPERIMENT.dataset.reference_per_group,
        broken=EXPERIMENT.dataset.broken,
        labels=lambda wildcards: in_file(LABELS),
        tables=lambda wildcards, input: in_file(
            {"labels": input.get("labels") or None, "classified": list(input.get("classified") or [])}
        ),
    shell:
        "python -m scripts.catalogue {params.labels} {params.tables} --source {params.source}"
        " --per-group {params.per_group} --broken {params.broken} --output {output} > {log} 2>&1"


rule select_images:
    input:
        "<results>/dataset/catalogue.csv",
    output:
        selection="<data>/selection.csv",
        groups="<data>/groups.csv",
        excluded=report(
            "<data>/excluded.csv",
            category="3. Data",
            caption="../report/excluded.rst",
            labels=lambda wildcards: {
                "result": f"excluded files{of_replicate(wildcards)} (CSV)",
                "shows": "which files of the folder are not used, and why",
            },
        ),
    log:
        "<data_logs>/select_images.log",
    group:
        "dataset"
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.select_images"),
        prompts=lambda wildcards: in_file({"attributes": LABELS["attributes"], "prompt": EXPERIMENT.dataset.prompt}),
        per_group=EXPERIMENT.dataset.per_group,
        reference=EXPERIMENT.dataset.reference,
        reference_per_group=EXPERIMENT.dataset.reference_per_group,
        short_group=EXPERIMENT.dataset.short_group,
        seed=data_seed,
        folder=fixed(FOLDER),
    shell:
        "python -m scripts.select_images {params.prompts} --catalogue {input} --per-group {params.per_group}"
        " --reference {params.reference} --reference-per-group {params.reference_per_group}"
        " --short-group {params.short_group} --seed {params.seed}"
        " {params.folder} --selection {output.selection} --groups {output.groups} --excluded {output.excluded} > {log} 2>&1"


rule prepare:
    """Prepare the image sets. A selection that will not do is refused here, so that its tables stay to be looked at."""
    input:
        selection="<data>/selection.csv",
        groups="<data>/groups.csv",
        excluded="<data>/excluded.csv",
    output:
        images="<data>/images.zip",
        reference="<data>/reference.zip",
        duplicates=report(
            "<data>/near_duplicates.csv",
            category="3. Data",
            caption="../report/near_duplicates.rst",
            labels=lambda wildcards: {
                "result": f"near-duplicates{of_replicate(wildcards)} (CSV)",
                "shows": "which real images the scoring reference has nearly the same",
            },
        ),
    log:
        "<data_logs>/prepare.log",
    group:
        "dataset"
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.prepare"),
        source=EXPERIMENT.dataset.source,
        size=EXPERIMENT.dataset.resolution,
        seed=data_seed,
        short_group=EXPERIMENT.dataset.short_group,
        folder=fixed(FOLDER),
        broken=EXPERIMENT.dataset.broken,
    shell:
        "python -m scripts.prepare --selection {input.selection} --groups {input.groups} --excluded {input.excluded}"
        " --short-group {params.short_group} --source {params.source} --size {params.size} --seed {params.seed}"
        " {params.folder} --broken {params.broken} --images {output.images} --reference {output.reference}"
        " --duplicates {output.duplicates} > {log} 2>&1; grep ^Warning: {log} >&2 || true"


rule select_fresh:
    """Choose sets of real images that no iteration before and no reference has; groups that have too few are named."""
    input:
        catalogue="<results>/dataset/catalogue.csv",
        selection="<data>/selection.csv",
    output:
        "<data>/fresh.csv",
    log:
        "<data_logs>/select_fresh.log",
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.select_fresh"),
        attributes=lambda wildcards: in_file({"attributes": LABELS["attributes"]}),
        source=EXPERIMENT.dataset.source,
        seed=data_seed,
        folder=fixed(FOLDER),
        sets=fresh_sets(EXPERIMENT),
    shell:
        "python -m scripts.select_fresh --catalogue {input.catalogue} --selection {input.selection} {params.attributes}"
        " --sets {params.sets} --source {params.source} --seed {params.seed} {params.folder} --output {output} > {log} 2>&1"


rule read_fresh:
    """Read one of these sets. More of them change none before, so that a longer table alone makes no set due again."""
    input:
        catalogue="<results>/dataset/catalogue.csv",
        selection="<data>/selection.csv",
        table=ancient("<data>/fresh.csv"),
    output:
        "<data>/fresh/{number}.zip",
    log:
        "<data_logs>/fresh/{number}.log",
    wildcard_constraints:
        number=r"[1-9]\d*",
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.read_fresh", "scripts.select_fresh"),
        source=EXPERIMENT.dataset.source,
        size=EXPERIMENT.dataset.resolution,
        seed=data_seed,
        folder=fixed(FOLDER),
    shell:
        "python -m scripts.read_fresh --table {input.table} --number {wildcards.number} --source {params.source}"
        " --size {params.size} --seed {params.seed} {params.folder} --output {output} > {log} 2>&1"


rule read_source:
    """Read a folder of images that arms train on; each slot gets one of its group."""
    input:
        lambda wildcards: local(FOLDERS[wildcards.source].labels),
    output:
        "<results>/dataset/sources/{source}.zip",
    log:
        "<logs>/dataset/sources/{source}.log",
    wildcard_constraints:
        source=one_of(FOLDERS),
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.read_source"),
        content=lambda wildcards: listing_of(FOLDERS[wildcards.source].path),
        folder=lambda wildcards: in_file(
            {
                "folder": FOLDERS[wildcards.source].path,
                "labels": FOLDERS[wildcards.source].labels,
                "attributes": LABELS["attributes"],
                "prompt": EXPERIMENT.dataset.prompt,
            }
        ),
        per_group=EXPERIMENT.dataset.per_group,
        short_group=EXPERIMENT.dataset.short_group,
        broken=EXPERIMENT.dataset.broken,
        size=EXPERIMENT.dataset.resolution,
        seed=EXPERIMENT.seed,
    shell:
        "python -m scripts.read_source {params.folder} --per-group {params.per_group}"
        " --short-group {params.short_group} --broken {params.broken} --size {params.size} --seed {params.seed}"
        " --output {output} > {log} 2>&1"


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
        prompts=lambda wildcards: in_file(
            {"prompt": EXPERIMENT.unseen.prompts, "per_prompt": EXPERIMENT.unseen.per_prompt}
        ),
    shell:
        "python -m scripts.unseen_prompts {params.prompts} --output {output} > {log} 2>&1"
