# The software of the workflow, without the workflow: it runs from its clone, which the container sees as its working directory.
#
#   docker build --target cuda --tag nepotism .     # Linux with or without a GPU
#   docker build --target cpu --tag nepotism .      # without CUDA, much smaller
FROM python:3.11-slim-bookworm AS base
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1
# Matplotlib, diffusers and pip look for a home; a container of a cluster has none that can be written.
ENV HOME=/tmp
WORKDIR /locks
COPY envs/workflow.lock.txt envs/classify.lock.txt envs/diffusion.lock.txt envs/explorer.lock.txt envs/figures.lock.txt envs/images.lock.txt ./
RUN cat ./*.lock.txt > all.txt

FROM base AS cpu
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# PyTorch publishes its builds without CUDA on an index of its own, under other hashes: these two are locked by version alone.
RUN awk '/^[a-z0-9]/ { skip = /^(torch|torchvision|triton|cuda-[a-z]+|nvidia-[a-z0-9-]+)==/ } !skip' all.txt > cpu.txt \
    && grep --only-matching --no-filename --extended-regexp '^torch(vision)?==[0-9.]+' all.txt | sort --unique > torch.txt \
    && pip install --require-hashes --no-deps --requirement cpu.txt \
    && pip install --no-deps --index-url https://download.pytorch.org/whl/cpu --requirement torch.txt
WORKDIR /work

FROM base AS cuda
RUN pip install --require-hashes --no-deps --requirement all.txt
WORKDIR /work
