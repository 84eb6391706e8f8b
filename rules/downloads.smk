"""Fetch what `downloads` names, on the machine that runs Snakemake; no other job uses the network.

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
