"""What only a GPU can show: its images and losses are the CPU's, its steps do not wait, and how fast it is."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scripts.lib.base.code import ROOT
from scripts.lib.engines import pipelines
from scripts.lib.engines.precision import Arithmetic, set_tf32
from scripts.lib.training import reports
from scripts.lib.training.finetuning import finetune
from tests.gpu.measure import full_size, images_per_second, loss, pixels, seconds, step, training_data
from tests.models import tiny_3, tiny_flux, tiny_xl
from tests.unit.test_finetuning import finetune_command, write_training_set

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="no GPU: torch.cuda.is_available() is false; run `make test-gpu` on a machine with an NVIDIA GPU",
)
EDGES = {"miniature": 32, "xl": 16, "3": 16, "flux": 16}
MODEL = ROOT / "models/miniature"
WHOLE, PARTS = [slice(0, 3)], [slice(0, 1), slice(1, 3)]


@pytest.fixture(params=EDGES)
def model(request, tmp_path) -> tuple[Path, int]:
    """The folder of a small pipeline of each engine, and the edge of its images."""
    kinds: dict[str, Any] = {"xl": tiny_xl, "3": lambda folder: tiny_3(folder, t5=True), "flux": tiny_flux}
    name = request.param
    return (MODEL if name == "miniature" else kinds[name](tmp_path / name)), EDGES[name]


@pytest.fixture(autouse=True)
def exact():
    set_tf32(False)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "device", lambda: torch.device("cpu"))


def test_images_are_those_of_the_cpu_whatever_the_batch(model, monkeypatch, row):
    folder, edge = model
    whole, parts = pixels(folder, edge, WHOLE), pixels(folder, edge, PARTS)
    with monkeypatch.context() as patch:
        on_cpu(patch)
        expected = pixels(folder, edge, WHOLE)
    row(f"{folder.name}: largest difference of a pixel to the CPU's, of 1", f"{np.abs(whole - expected).max():.1e}")
    assert np.abs(whole - expected).max() < 1e-3
    assert np.abs(parts - whole).max() < 1e-3


def test_the_loss_is_that_of_the_cpu(model, monkeypatch, row):
    folder, edge = model
    found = loss(folder, edge)
    with monkeypatch.context() as patch:
        on_cpu(patch)
        expected = loss(folder, edge)
    row(f"{folder.name}: relative difference of the loss to the CPU's", f"{abs(found / expected - 1):.1e}")
    assert found == pytest.approx(expected, rel=1e-4)


def waits(folder: Path, steps: int) -> int:
    """Return how often a fine-tune of some steps waits for the GPU."""
    engine, data = training_data(MODEL, 32)
    network = engine.network(MODEL / engine.COMPONENT)
    settings: dict[str, Any] = {"learning_rate": 1e-4, "weight_decay": 0.01, "batch_size": 2, "max_grad_norm": 1.0}
    settings |= {"mixed_precision": "no", "seed": 0, "checkpoint_minutes": 60, "steps": steps}
    folder.mkdir()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            finetune(network, network.parameters(), engine.objective(MODEL), data, folder, **settings)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in found)


def test_a_fine_tune_waits_for_the_gpu_once_in_several_steps(tmp_path, row):
    fewer, more = waits(tmp_path / "fewer", 2 * reports.STEPS), waits(tmp_path / "more", 6 * reports.STEPS)
    row("waits for the GPU per step of a fine-tune", f"{(more - fewer) / (4 * reports.STEPS):.2f}")
    assert more - fewer <= 4, "one reading of the reports for each of the further ones"


def test_a_fine_tune_at_full_size_fits_24_gb_and_caching_shortens_its_step(row):
    parts = full_size()
    cached = seconds(step(parts, cached=True), 3)
    memory = torch.cuda.max_memory_allocated() / 2**30
    torch.cuda.empty_cache()
    encoded = seconds(step(parts, cached=False), 3)
    row("SD 2.1's architecture, 512 px, batch 1, checkpointed: seconds per step", f"{cached:.3f}")
    row("the same with latents and text made in each step", f"{encoded:.3f} (ratio {cached / encoded:.2f})")
    row("memory of that step", f"{memory:.1f} GiB")
    assert memory < 24
    assert cached < encoded


ARITHMETIC = {
    "float32": (Arithmetic(), False),
    "TF32": (Arithmetic(), True),
    "bfloat16": (Arithmetic("bfloat16"), False),
    "float16": (Arithmetic("float16"), False),
    "bfloat16, compiled": (Arithmetic("bfloat16", compile=True), False),
}


@pytest.mark.parametrize("name", ARITHMETIC)
def test_images_per_second(name, row):
    arithmetic, tf32 = ARITHMETIC[name]
    set_tf32(tf32)
    rate = images_per_second(full_size(), arithmetic, batch_size=8, steps=50)
    row(f"SD 2.1's architecture, 512 px, 50 steps, batch 8: images per second in {name}", f"{rate:.2f}")
    assert rate > 0


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one GPU: data parallelism needs two")
def test_two_gpus_train_as_one(tmp_path, row):
    write_training_set(tmp_path, np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8))
    losses = {}
    for name, devices in (("one", "0"), ("two", "0,1")):
        command = finetune_command(tmp_path, name, {"learning_rate": 1e-3, "epochs": 5, "batch_size": 6})
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": devices}
        subprocess.run([sys.executable, *command[1:]], cwd=ROOT, env=environment, check=True, capture_output=True)
        losses[name] = json.loads((tmp_path / name / "finetune.json").read_text())["results"]["loss"]
    row("two GPUs: largest relative difference of an epoch's loss to one", f"{np.ptp([*losses.values()], 0).max():.1e}")
    assert losses["two"] == pytest.approx(losses["one"], rel=1e-4)
