"""Fetch what `downloads` names, on the machine that runs Snakemake; no other job uses the network. Check all weights.

Existing files are kept, whatever their age. A pin decides the content, so the code of these scripts is no parameter.
"""


rule downloads:
    input:
        [local(path) for path in EXPERIMENT.downloads],
    localrule: True


rule download_repository:
    output:
        local(directory("{repository}")),
    log:
        "<logs>/downloads/{repository}.log",
    localrule: True
    conda:
        "../envs/diffusion.yaml"
    params:
        source=lambda wildcards: flags(EXPERIMENT.downloads[wildcards.repository]),
    shell:
        "HF_HUB_OFFLINE=0 python -m scripts.download_repository {params.source} --output {output:q} > {log:q} 2>&1"


rule download_file:
    output:
        local("{file}"),
    log:
        "<logs>/downloads/{file}.log",
    localrule: True
    conda:
        "../envs/diffusion.yaml"
    params:
        source=lambda wildcards: flags(EXPERIMENT.downloads[wildcards.file]),
    shell:
        "python -m scripts.download_file {params.source} --output {output:q} > {log:q} 2>&1"


rule check_weights:
    """Build a network that the experiment names, without reading its weights, before a job of hours needs it.

    Its output is an input of the jobs that load these weights, so that only other weights may make it due again.
    """
    input:
        lambda wildcards: downloaded(WEIGHTS[wildcards.use].path),
    output:
        "<results>/weights/{use}.json",
    log:
        "<logs>/check_weights-{use}.log",
    localrule: True
    conda:
        "../envs/diffusion.yaml"
    params:
        identity=lambda wildcards: weights.identity(EXPERIMENT, WEIGHTS[wildcards.use].path),
        options=lambda wildcards: flags(
            {"network": WEIGHTS[wildcards.use].network, "weights": WEIGHTS[wildcards.use].path}
        ),
    shell:
        "python -m scripts.check_weights {params.options} --output {output} > {log} 2>&1"


rule check_scheduler:
    """Try a sampler on perfect predictions, before a job of hours needs it."""
    input:
        lambda wildcards: checked(wildcards.use),
    output:
        "<results>/weights/{use}-scheduler-{scheduler}.json",
    log:
        "<logs>/check_scheduler-{use}-{scheduler}.log",
    wildcard_constraints:
        scheduler=r"\w+",
    localrule: True
    conda:
        "../envs/diffusion.yaml"
    params:
        model=lambda wildcards: flags({"model": WEIGHTS[wildcards.use].path}),
    shell:
        "python -m scripts.check_scheduler {params.model} --scheduler {wildcards.scheduler} --output {output}"
        " > {log} 2>&1"
