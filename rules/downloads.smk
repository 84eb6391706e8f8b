"""Fetch what `downloads` names, on the machine that runs Snakemake; no other job uses the network. Check all weights.

What is there is kept, whatever its age. A pin decides the content, so the code of these scripts is no parameter.
"""


rule downloads:
    input:
        list(EXPERIMENT.downloads),
    localrule: True


rule download_repository:
    output:
        directory("{repository}"),
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
        "{file}",
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
    """Build every network that the experiment names, without reading its weights, before a job of hours needs it."""
    input:
        downloaded(MODEL, *(path for _, path in weights.networks_of(EXPERIMENT))),
    output:
        "<results>/weights.json",
    log:
        "<logs>/check_weights.log",
    localrule: True
    conda:
        "../envs/diffusion.yaml"
    params:
        code=digest("scripts.check_weights"),
        weights=[MODEL_DIGEST, *(weights.identity(EXPERIMENT, path) for _, path in weights.networks_of(EXPERIMENT))],
        model=fixed(MODEL_OPTION),
        resolution=EXPERIMENT.dataset.resolution,
        steps=flags({"steps": sorted({part.generate.steps for part in [EXPERIMENT, *EXPERIMENT.arms.values()]})}),
        networks=fixed(
            flags(
                {
                    "network": [network for network, _ in weights.networks_of(EXPERIMENT)],
                    "weights": [path for _, path in weights.networks_of(EXPERIMENT)],
                }
            )
        ),
    shell:
        "python -m scripts.check_weights {params.model} --resolution {params.resolution} {params.steps}"
        " {params.networks} --output {output} > {log} 2>&1"
