"""The paper's two controls: match the colors of generated images, or cull the poor ones."""


rule match_histograms:
    input:
        generated=lambda wildcards: f"<results>/{previous(EXPERIMENT, this(wildcards))}/generated.zip",
        real="<results>/dataset/images.zip",
    output:
        "<cell>/matched.zip",
    log:
        "<logs>/{arm}/seed-{replicate}/iteration-{iteration}/match_histograms.log",
    benchmark:
        "<benchmarks>/{arm}/seed-{replicate}/iteration-{iteration}/match_histograms.tsv"
    priority: urgency
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.match_histograms"),
        settings=lambda wildcards: flags(arm_of(wildcards).match_histograms),
    shell:
        "python -m scripts.match_histograms --generated {input.generated} --real {input.real} {params.settings}"
        " --output {output} > {log} 2>&1"


rule single_image_distance:
    input:
        generated="<cell>/generated.zip",
        real="<results>/dataset/images.zip",
        weights=downloaded(EXPERIMENT.cull.features.weights),
        checked=checked("cull"),
    output:
        "<cell>/distances.csv",
    log:
        "<logs>/{arm}/seed-{replicate}/iteration-{iteration}/single_image_distance.log",
    benchmark:
        "<benchmarks>/{arm}/seed-{replicate}/iteration-{iteration}/single_image_distance.tsv"
    priority: urgency
    conda:
        "../envs/diffusion.yaml"
    threads: 2
    resources:
        gpu=1,
        mem_mb=memory(EXPERIMENT.cull.features.weights),
        runtime=rising(60),
        batch_size=EXECUTION.embed_batch_size,
    params:
        code=digest("scripts.single_image_distance"),
        weights=CULL_WEIGHTS,
        features=fixed(flags(EXPERIMENT.cull.features)),
    shell:
        "python -m scripts.single_image_distance --generated {input.generated} --real {input.real} {params.features}"
        " --batch-size {resources.batch_size} --output {output} > {log} 2>&1"


rule cull:
    input:
        distances=lambda wildcards: f"<results>/{previous(EXPERIMENT, this(wildcards))}/distances.csv",
        first=f"<results>/{BASE}/seed-{{replicate}}/iteration-0/distances.csv",
    output:
        report(
            "<cell>/culled.csv",
            category="3. Data",
            caption="../report/decisions.rst",
            labels={
                "result": "{arm}, iteration {iteration} (CSV)",
                "shows": "what the cull decided, seed {replicate}",
            },
        ),
    log:
        "<logs>/{arm}/seed-{replicate}/iteration-{iteration}/cull.log",
    priority: urgency
    localrule: True
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.cull"),
        settings=flags(EXPERIMENT.cull),
        seed=slot_draw,
    shell:
        "python -m scripts.cull --distances {input.distances} --first-distances {input.first} {params.settings}"
        " --seed {params.seed} --output {output} > {log} 2>&1"
