"""Train the embedded base models again; nothing of an experiment depends on it.

`snakemake miniature` writes results/miniature-training/model; copy it to models/miniature to use it. `snakemake
miniature_flow` trains the second one on the CLIP and the autoencoder that lie there, and writes model-flow beside it, for
models/miniature-flow: both make images of the same latents, whichever is trained again.
"""


rule miniature:
    input:
        "results/miniature-training/model/README.md",
    localrule: True


rule miniature_flow:
    input:
        "results/miniature-training/model-flow/README.md",
    localrule: True


rule draw_pretraining:
    output:
        "results/miniature-training/training.zip",
    log:
        "results/miniature-training/logs/draw_pretraining.log",
    conda:
        "../envs/images.yaml"
    params:
        code=digest("scripts.draw_pretraining"),
    shell:
        "python -m scripts.draw_pretraining --split training --number 24000 --size 32 --output {output} > {log} 2>&1"


rule train_clip:
    input:
        "results/miniature-training/training.zip",
    output:
        "results/miniature-training/clip/config.json",
        "results/miniature-training/clip/model.safetensors",
    log:
        "results/miniature-training/logs/train_clip.log",
    conda:
        "../envs/diffusion.yaml"
    resources:
        mem_mb=3000,
        runtime="2h",
    params:
        code=digest("scripts.train_clip"),
        output=subpath(output[0], parent=True),
    shell:
        "python -m scripts.train_clip --images {input} --steps 1800 --batch-size 128 --seed 0"
        " --output {params.output} > {log} 2>&1"


rule train_vae:
    input:
        "results/miniature-training/training.zip",
    output:
        "results/miniature-training/vae/config.json",
        "results/miniature-training/vae/diffusion_pytorch_model.safetensors",
    log:
        "results/miniature-training/logs/train_vae.log",
    conda:
        "../envs/diffusion.yaml"
    resources:
        mem_mb=3000,
        runtime="2h",
    params:
        code=digest("scripts.train_vae"),
        output=subpath(output[0], parent=True),
    shell:
        "python -m scripts.train_vae --images {input} --steps 7000 --batch-size 16 --seed 0"
        " --output {params.output} > {log} 2>&1"


rule train_unet:
    input:
        images="results/miniature-training/training.zip",
        clip="results/miniature-training/clip/config.json",
        vae="results/miniature-training/vae/config.json",
    output:
        "results/miniature-training/pipeline/model_index.json",
    log:
        "results/miniature-training/logs/train_unet.log",
    conda:
        "../envs/diffusion.yaml"
    resources:
        mem_mb=3000,
        runtime="4h",
    params:
        code=digest("scripts.train_unet"),
        clip=subpath(input.clip, parent=True),
        vae=subpath(input.vae, parent=True),
        output=subpath(output[0], parent=True),
    shell:
        "python -m scripts.train_unet --images {input.images} --clip {params.clip} --vae {params.vae}"
        " --steps 6000 --batch-size 64 --seed 0 --output {params.output} > {log} 2>&1"


rule train_transformer:
    input:
        images="results/miniature-training/training.zip",
        clip="models/miniature/clip/config.json",
        vae="models/miniature/vae/config.json",
    output:
        "results/miniature-training/pipeline-flow/model_index.json",
    log:
        "results/miniature-training/logs/train_transformer.log",
    conda:
        "../envs/diffusion.yaml"
    resources:
        mem_mb=3000,
        runtime="4h",
    params:
        code=digest("scripts.train_transformer"),
        clip=subpath(input.clip, parent=True),
        vae=subpath(input.vae, parent=True),
        output=subpath(output[0], parent=True),
    shell:
        "python -m scripts.train_transformer --images {input.images} --clip {params.clip} --vae {params.vae}"
        " --steps 3600 --batch-size 32 --seed 0 --output {params.output} > {log} 2>&1"


rule publish_miniature:
    """Halve the precision, measure the quality on held-out avatars, write the model card."""
    input:
        template="models/card.md",
        quality="models/quality.md",
        clip="results/miniature-training/clip/config.json",
        pipeline="results/miniature-training/pipeline/model_index.json",
    output:
        "results/miniature-training/model/README.md",
    log:
        "results/miniature-training/logs/publish.log",
    conda:
        "../envs/diffusion.yaml"
    resources:
        mem_mb=3000,
        runtime="1h",
    params:
        code=digest("scripts.publish_miniature", "scripts.lib.engines.stable_diffusion"),
        clip=subpath(input.clip, parent=True),
        pipeline=subpath(input.pipeline, parent=True),
        settings=flags({key: getattr(EXPERIMENT.generate, key) for key in ("strength", "steps", "guidance_scale")}),
        output=subpath(output[0], parent=True),
    shell:
        "python -m scripts.publish_miniature --template {input.template} --quality {input.quality}"
        " --clip {params.clip} --store-clip --pipeline {params.pipeline} {params.settings} --output {params.output} > {log} 2>&1"


rule publish_miniature_flow:
    """Measure the second miniature from the noise from which the first one starts, and write its card."""
    input:
        template="models/card-flow.md",
        quality="models/quality.md",
        clip="models/miniature/clip/config.json",
        pipeline="results/miniature-training/pipeline-flow/model_index.json",
    output:
        "results/miniature-training/model-flow/README.md",
    log:
        "results/miniature-training/logs/publish_flow.log",
    conda:
        "../envs/diffusion.yaml"
    resources:
        mem_mb=3000,
        runtime="1h",
    params:
        code=digest("scripts.publish_miniature", "scripts.lib.engines.stable_diffusion_3"),
        clip=subpath(input.clip, parent=True),
        pipeline=subpath(input.pipeline, parent=True),
        settings=flags({"strength": 0.84, "steps": 13, "guidance_scale": EXPERIMENT.generate.guidance_scale}),
        output=subpath(output[0], parent=True),
    shell:
        "python -m scripts.publish_miniature --template {input.template} --quality {input.quality} --clip {params.clip}"
        " --pipeline {params.pipeline} {params.settings} --output {params.output} > {log} 2>&1"
