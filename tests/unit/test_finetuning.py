"""The fine-tune: its step, its random draws, and that it survives a kill."""

import json
import os
import platform
import resource
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPTextModel, CLIPTokenizer

from benchmarks.full_size.architectures import part
from scripts.lib.base import fence, imageset
from scripts.lib.base.commandline import words
from scripts.lib.base.seeds import seed_of
from scripts.lib.engines.stable_diffusion import Encoder, Objective
from scripts.lib.experiment.config.finetune import Finetune
from scripts.lib.training import finetuning
from scripts.lib.training.finetuning import finetune, moving_average
from scripts.lib.training.training_data import batches, draw, dropped, encode, share_of

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models/miniature"
SETTINGS: dict[str, Any] = {
    "weight_decay": 0.01,
    "max_grad_norm": 1.0,
    "mixed_precision": "no",
    "checkpoint_minutes": 60,
}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def data(images):
    return encode(images, ["a man", "a woman"] * 3, Encoder(MODEL), flip=True)


def frozen_parts():
    return (
        AutoencoderKL.from_pretrained(MODEL / "vae", dtype=torch.float32),
        CLIPTokenizer.from_pretrained(MODEL / "tokenizer"),
        CLIPTextModel.from_pretrained(MODEL / "text_encoder", dtype=torch.float32),
    )


def unet() -> UNet2DConditionModel:
    return UNet2DConditionModel.from_pretrained(MODEL / "unet", dtype=torch.float32)


def objective(prediction_type: str = "epsilon") -> Objective:
    return Objective(MODEL, prediction_type=prediction_type)


def train(network: UNet2DConditionModel, *arguments: Any, prediction_type: str = "epsilon", **options: Any):
    options = SETTINGS | options
    images = len(arguments[0].prompt)
    options.setdefault("steps", options.pop("epochs", 0) * -(-images // options["batch_size"]))
    return finetune(network, network.parameters(), objective(prediction_type), *arguments, **options)


def test_moments_and_prompts_are_those_of_the_frozen_parts(images, data):
    vae, tokenizer, text_encoder = frozen_parts()
    with torch.no_grad():
        mirrored = torch.from_numpy(images[4:5, :, ::-1].copy()).permute(0, 3, 1, 2) / 127.5 - 1
        posterior = vae.encode(mirrored).latent_dist
        tokens = tokenizer("a woman", padding="max_length", truncation=True, return_tensors="pt").input_ids
        embedding = text_encoder(tokens)[0][0]
    torch.testing.assert_close(data.mean[1, 4], posterior.mean[0] * vae.config.scaling_factor, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(data.std[1, 4], posterior.std[0] * vae.config.scaling_factor, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(data.text["states"][data.prompt[1]], embedding, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_one_step_equals_the_step_written_out(data, prediction_type, tmp_path):
    ours = unet()
    options: dict[str, Any] = {"learning_rate": 1e-3, "epochs": 1, "batch_size": 6, "seed": 7}
    losses = train(ours, data, tmp_path, prediction_type=prediction_type, **options)

    _, samples = next(batches(6, 6, seed=7))
    latents, noise, times = draw(data, samples, 0, objective(), seed=7)
    alpha = objective().scheduler.alphas_cumprod[times].view(-1, 1, 1, 1)
    noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
    target = noise if prediction_type == "epsilon" else alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
    plain = unet().train()
    optimizer = torch.optim.AdamW(plain.parameters(), lr=1e-3, weight_decay=0.01)
    loss = (plain(noisy, times, data.text["states"][data.prompt[samples]]).sample - target).square().mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
    optimizer.step()

    assert losses[0] == pytest.approx(loss.item(), rel=1e-6)
    for name, parameter in plain.named_parameters():
        torch.testing.assert_close(ours.get_parameter(name), parameter, atol=1e-7, rtol=1e-6)


def test_a_sample_s_noise_depends_on_step_and_sample_alone(data):
    together = draw(data, torch.tensor([4, 1, 5]), 3, objective(), seed=0)
    alone = draw(data, torch.tensor([1]), 3, objective(), seed=0)
    for both, one in zip(together, alone, strict=True):
        assert torch.equal(both[1:2], one)
    assert not torch.equal(draw(data, torch.tensor([1]), 4, objective(), seed=0)[1], alone[1])


def test_dropped_captions_are_the_empty_prompt_and_depend_on_step_and_sample_alone(images, data, tmp_path):
    whole = encode(images, ["a man", "a woman"] * 3, Encoder(MODEL), flip=False, dropout=1.0)
    without = torch.tensor([True, False, True])
    states = whole.text_of(torch.tensor([0, 1, 2]), without)["states"]
    (empty,) = Encoder(MODEL).encode_text([""])["states"]
    for row, expected in zip(states, (empty, data.text["states"][data.prompt[1]], empty), strict=True):
        torch.testing.assert_close(row, expected, atol=1e-5, rtol=1e-5)
    every = torch.arange(4000)
    drawn = dropped(every, 3, 0.25, seed=1)
    assert drawn.float().mean().item() == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 4000) ** 0.5)
    assert torch.equal(dropped(every[7:9], 3, 0.25, seed=1), drawn[7:9])
    assert not torch.equal(dropped(every, 4, 0.25, seed=1), drawn)
    assert not dropped(every, 3, 0.0, seed=1).any()
    assert dropped(every, 3, 1.0, seed=1).all()
    options: dict[str, Any] = {"learning_rate": 1e-3, "epochs": 1, "batch_size": 3, "seed": 0}
    plain, none = unet(), unet()
    told = whole._replace(dropout=0.0)
    train(plain, told, tmp_path / "plain", **options)
    train(none, told._replace(prompt=torch.full_like(told.prompt, told.empty)), tmp_path / "none", **options)
    all_dropped = unet()
    train(all_dropped, whole, tmp_path / "dropped", **options)
    for name, parameter in none.named_parameters():
        assert torch.equal(all_dropped.get_parameter(name), parameter), "the noise is the same with and without prompts"
    assert any(not torch.equal(plain.get_parameter(name), p) for name, p in none.named_parameters())


def test_every_epoch_sees_every_sample_once():
    plan = list(islice(batches(7, 3, seed=0), 6))
    assert [step for step, _ in plan] == list(range(6))
    first, second = (torch.cat([samples for _, samples in plan[part]]) for part in (slice(3), slice(3, 6)))
    assert first.sort().values.tolist() == second.sort().values.tolist() == list(range(7))
    assert first.tolist() != second.tolist()


def test_steps_are_those_of_whole_epochs_cut_off(data, tmp_path):
    options: dict[str, Any] = {"learning_rate": 1e-3, "batch_size": 4, "seed": 0}
    whole = train(unet(), data, tmp_path / "whole", steps=4, **options)
    assert whole == train(unet(), data, tmp_path / "epochs", epochs=2, **options)
    part = train(unet(), data, tmp_path / "part", steps=3, **options)
    assert len(part) == 2
    assert part[0] == whole[0]


def test_training_lowers_the_loss(data, tmp_path):
    losses = train(unet(), data, tmp_path, learning_rate=1e-3, epochs=30, batch_size=6, seed=0)
    assert len(losses) == 30
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])


def test_a_loss_that_is_not_finite_stops_at_its_step_and_keeps_the_state_before_it(data, tmp_path):
    broken = data._replace(mean=data.mean.clone())
    broken.mean[:, 4] = float("nan")
    step = next(step for step, samples in islice(batches(6, 1, seed=0), 6) if samples == 4)
    assert step > 0
    options: dict[str, Any] = {"learning_rate": 1e-3, "epochs": 1, "batch_size": 1, "seed": 0}
    model = unet()
    with pytest.raises(FloatingPointError, match=rf"the loss is nan, .* at step {step}; .* kept in {tmp_path}"):
        train(model, broken, tmp_path, **options)
    (kept,) = tmp_path.glob("step-*")
    assert kept.name == f"step-{step:08d}"
    weights = load_file(kept / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in weights.values())
    assert not torch.equal(weights["conv_in.weight"], unet().conv_in.weight)


def test_caching_what_the_frozen_parts_make_saves_a_quarter_of_a_step_at_full_size():
    """In floating-point operations of the true architectures at 512 pixels, counted without computing anything."""
    with torch.device("meta"):
        networks = [part("stable-diffusion-2-1-base", name) for name in ("unet", "vae", "text_encoder")]
        image, tokens = torch.zeros(1, 3, 512, 512), torch.zeros(1, 77, dtype=torch.long)
        latents, time, text = torch.zeros(1, 4, 64, 64), torch.zeros(1, dtype=torch.long), torch.zeros(1, 77, 1024)
    with FlopCounterMode(display=False) as step:
        networks[0](latents, time, text).sample.mean().backward()
    with FlopCounterMode(display=False) as frozen, torch.no_grad():
        networks[1].encode(image)
        networks[2](tokens)
    ours, theirs = step.get_total_flops(), step.get_total_flops() + frozen.get_total_flops()
    assert sum(parameter.numel() for parameter in networks[0].parameters()) == 865_910_724
    assert ours / theirs <= 0.75


def test_velocity_is_the_target_of_v_prediction(data):
    latents, noise, times = draw(data, torch.arange(6), 0, objective(), seed=0)
    model, text = unet(), data.text_of(torch.arange(6))
    with torch.no_grad():
        losses = [objective(kind).loss(model, latents, noise, times, text) for kind in ("epsilon", "v_prediction")]
    assert losses[0] != losses[1]


def test_a_termination_is_saved_and_gone_on_from_to_the_same_weights(data, tmp_path, monkeypatch):
    def run(folder: str) -> tuple[UNet2DConditionModel, list[float]]:
        network = unet()
        (tmp_path / folder).mkdir(exist_ok=True)
        options: dict[str, Any] = {"learning_rate": 1e-3, "epochs": 3, "batch_size": 2, "seed": 0}
        return network, train(network, data, tmp_path / folder, **options)

    undisturbed, losses = run("undisturbed")

    def draw_and_terminate(*arguments):
        if arguments[2] == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return draw(*arguments)

    monkeypatch.setattr(finetuning, "draw", draw_and_terminate)
    with pytest.raises(SystemExit) as stopped:
        run("terminated")
    assert stopped.value.code == 128 + signal.SIGTERM
    assert [path.name for path in (tmp_path / "terminated").iterdir()] == ["step-00000005"]
    monkeypatch.setattr(finetuning, "draw", draw)
    resumed, losses_resumed = run("terminated")
    assert losses_resumed == losses
    for name, parameter in undisturbed.named_parameters():
        assert torch.equal(resumed.get_parameter(name), parameter)


@pytest.mark.parametrize("accumulate", [2, 3, 4, 9])
def test_a_batch_in_parts_is_the_batch(data, tmp_path, monkeypatch, accumulate):
    """Five of six samples in a batch, one in the last: parts of unequal size, and parts of none.

    By plain gradient descent: AdamW makes whole steps of gradients that are zero but for rounding.
    """
    monkeypatch.setattr(torch.optim, "AdamW", lambda parameters, lr, **_: torch.optim.SGD(parameters, lr))

    def run(folder: str, parts: int) -> tuple[UNet2DConditionModel, list[float]]:
        network = unet()
        options: dict[str, Any] = {"learning_rate": 0.1, "epochs": 2, "batch_size": 5, "seed": 0, "accumulate": parts}
        return network, train(network, data, tmp_path / folder, **options)

    whole, losses = run("whole", 1)
    parts, losses_of_parts = run("parts", accumulate)
    assert losses_of_parts == pytest.approx(losses, rel=1e-5)
    for name, parameter in whole.named_parameters():
        torch.testing.assert_close(parts.get_parameter(name), parameter, atol=1e-5, rtol=1e-5)


def test_an_average_follows_the_steps_and_resumes(data, tmp_path, monkeypatch):
    seen: list[torch.Tensor] = []

    class Watched(Objective):
        def loss(self, network, *arguments):
            seen.append(network.conv_in.weight.detach().clone())
            return super().loss(network, *arguments)

    def run(folder: str) -> tuple[UNet2DConditionModel, Any]:
        network = unet()
        trained = list(network.parameters())
        average = moving_average(trained, 0.25)
        (tmp_path / folder).mkdir(exist_ok=True)
        options: dict[str, Any] = {"learning_rate": 1e-3, "steps": 9, "batch_size": 2, "seed": 0, "average": average}
        finetune(network, trained, Watched(MODEL), data, tmp_path / folder, **SETTINGS | options)
        return network, average

    network, average = run("undisturbed")
    weights = [*seen, network.conv_in.weight.detach()]
    expected = weights[1]
    for step, weight in enumerate(weights[2:], start=1):
        decay = min(0.25, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
    (number,) = [place for place, each in enumerate(network.parameters()) if each is network.conv_in.weight]
    torch.testing.assert_close(average.shadow_params[number], expected, atol=1e-7, rtol=1e-6)
    assert not torch.equal(average.shadow_params[number], weights[-1])

    def draw_and_terminate(*arguments):
        if arguments[2] == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return draw(*arguments)

    monkeypatch.setattr(finetuning, "draw", draw_and_terminate)
    with pytest.raises(SystemExit):
        run("stopped")
    monkeypatch.setattr(finetuning, "draw", draw)
    _, resumed = run("stopped")
    pairs = zip(resumed.shadow_params, average.shadow_params, strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize(("samples", "processes"), [(8, 2), (5, 2), (1, 2), (3, 4)])
def test_shares_of_a_batch_add_up_to_it(samples, processes):
    batch = torch.arange(samples) + 10
    shares = [share_of(batch, process, processes) for process in range(processes)]
    assert all(len(share) for share, _ in shares), "every process takes part"
    assert torch.cat([share for share, weight in shares if weight]).tolist() == batch.tolist()
    mean = sum(weight * share.float().mean() for share, weight in shares) / processes
    assert mean == pytest.approx(batch.float().mean().item())


def finetune_command(tmp_path: Path, name: str, settings: dict[str, Any] | None = None, **changes: Any) -> list[str]:
    folder = tmp_path / name
    options = {
        "model": MODEL,
        "training": tmp_path / "training.csv",
        "images": tmp_path / "real.zip",
        "root": tmp_path,
        "code": "",
        "seed": 0,
        "replicate": 0,
        "iteration": 1,
        "tf32": False,
        "checkpoint_minutes": 0,
        "output": folder / "model",
        "provenance": folder / "finetune.json",
        "checkpoints": folder / "checkpoints",
    } | changes
    loop = Finetune(**{"learning_rate": 1e-4, "epochs": 40, "batch_size": 2} | (settings or {}))
    options = {"settings": loop.model_dump_json()} | options
    return [sys.executable, "-m", "scripts.finetune", *words(options)]


def write_training_set(tmp_path: Path, images: np.ndarray) -> None:
    table = pd.DataFrame({"file_name": [f"{index}.png" for index in range(6)], "text": "a drawing of a man"})
    imageset.write(tmp_path / "real.zip", table, images)
    table.assign(images="real.zip", iteration=0).to_csv(tmp_path / "training.csv", index=False)


def test_two_processes_train_as_one_with_the_same_batch(images, tmp_path):
    write_training_set(tmp_path, images)
    options: dict[str, Any] = {"learning_rate": 1e-3, "epochs": 5, "batch_size": 5}
    command = finetune_command(tmp_path, "two", options, checkpoint_minutes=60)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    subprocess.run([*launcher, *command[1:]], cwd=ROOT, env=environment, check=True, capture_output=True)
    two = json.loads((tmp_path / "two/finetune.json").read_text())["results"]["loss"]

    one_data = encode(images, ["a drawing of a man"] * 6, Encoder(MODEL), flip=True)
    network = unet()
    one = train(network, one_data, tmp_path, seed=seed_of(0, 0, 1, "finetune"), **options)
    assert two == pytest.approx(one, rel=1e-4)
    weights = load_file(tmp_path / "two/model/diffusion_pytorch_model.safetensors")
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(weights[name], parameter, atol=1e-3, rtol=0)


ONE_THREAD = {"OMP_NUM_THREADS": "1", fence.TOKENS: ""}


@pytest.fixture(scope="module")
def undisturbed(images, tmp_path_factory) -> bytes:
    """The weights of a fine-tune that nothing has disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_training_set(folder, images)
    command = finetune_command(folder, "run")
    subprocess.run(command, cwd=ROOT, env=os.environ | ONE_THREAD, check=True, capture_output=True)
    return (folder / "run/model/diffusion_pytorch_model.safetensors").read_bytes()


def wait_for_checkpoints(checkpoints: Path, number: int, process: subprocess.Popen) -> None:
    while len(list(checkpoints.glob("*/step-*"))) < number:
        assert process.poll() is None, "the run ended before it could be disturbed"
        time.sleep(0.02)


def test_a_finetune_killed_in_the_middle_resumes_to_the_same_weights(images, tmp_path, undisturbed):
    write_training_set(tmp_path, images)
    environment = os.environ | ONE_THREAD
    command = finetune_command(tmp_path, "killed")
    checkpoints = tmp_path / "killed/checkpoints"
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
        wait_for_checkpoints(checkpoints, 2, process)
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "killed/model").exists()
    newest = max(checkpoints.glob("*/step-*"))
    (newest / "model.safetensors").write_bytes(b"cut off")
    resumed = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    assert "cannot be read" in resumed.stdout
    assert "resumed from" in resumed.stdout

    assert (tmp_path / "killed/model/diffusion_pytorch_model.safetensors").read_bytes() == undisturbed
    assert not checkpoints.exists()


def test_a_checkpoint_of_other_code_is_not_resumed(images, tmp_path):
    write_training_set(tmp_path, images)
    checkpoints = tmp_path / "edited/checkpoints"
    before = finetune_command(tmp_path, "edited", code="before")
    with subprocess.Popen(before, cwd=ROOT, env=os.environ | ONE_THREAD, stderr=subprocess.DEVNULL) as process:
        wait_for_checkpoints(checkpoints, 1, process)
        process.send_signal(signal.SIGKILL)
    after = finetune_command(tmp_path, "edited", {"epochs": 1}, code="after")
    result = subprocess.run(after, cwd=ROOT, env=os.environ | ONE_THREAD, check=True, capture_output=True, text=True)
    assert "resumed" not in result.stdout
    assert json.loads((tmp_path / "edited/finetune.json").read_text())["parameters"]["code"] == "after"
    assert not checkpoints.exists()


@pytest.fixture
def token(tmp_path, monkeypatch):
    """A function that claims the fine-tune for a job, and returns the environment of its processes."""

    def claim(job: str) -> dict[str, str]:
        monkeypatch.setenv(fence.TOKENS, "")
        fence.claim(tmp_path / "tokens", {"job": job, "restarts": 0, "node": "g1"})
        return os.environ | {"OMP_NUM_THREADS": "1"}

    return claim


def test_of_two_fine_tunes_of_one_cell_the_older_stops_at_its_next_checkpoint(images, tmp_path, undisturbed, token):
    write_training_set(tmp_path, images)
    command, cell = finetune_command(tmp_path, "cell"), tmp_path / "cell"
    older = subprocess.Popen(command, cwd=ROOT, env=token("1"), stderr=subprocess.PIPE, text=True)
    wait_for_checkpoints(cell / "checkpoints", 2, older)
    older.send_signal(signal.SIGSTOP)
    newer = subprocess.Popen(command, cwd=ROOT, env=token("2"), stdout=subprocess.PIPE, text=True)
    stopped = max(cell.glob("checkpoints/*/step-*"))
    while max(cell.glob("checkpoints/*/step-*")) == stopped:
        assert newer.poll() is None
        time.sleep(0.02)
    newer.send_signal(signal.SIGSTOP)
    saved = {path: path.stat().st_mtime_ns for path in cell.rglob("*")}
    older.send_signal(signal.SIGCONT)
    _, errors = older.communicate(timeout=60)
    assert older.returncode == os.EX_TEMPFAIL
    assert errors.splitlines()[-1] == (
        "SLURM job 2 (restart 0, node g1) writes these outputs now. "
        "SLURM job 1 (restart 0, node g1) stops without writing"
    )
    assert {path: path.stat().st_mtime_ns for path in cell.rglob("*")} == saved
    newer.send_signal(signal.SIGCONT)
    assert f"resumed from {stopped}" in newer.communicate(timeout=60)[0]
    assert newer.returncode == 0
    assert (cell / "model/diffusion_pytorch_model.safetensors").read_bytes() == undisturbed
    assert sorted(path.name for path in cell.iterdir()) == ["finetune.json", "model"]


def test_all_processes_of_a_superseded_fine_tune_stop(images, tmp_path, token):
    write_training_set(tmp_path, images)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, *finetune_command(tmp_path, "cell")[1:]]
    environment = token("1") | {"ACCELERATE_USE_CPU": "true"}
    older = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    wait_for_checkpoints(tmp_path / "cell/checkpoints", 1, older)
    token("2")
    _, errors = older.communicate(timeout=60)
    assert older.returncode != 0
    assert "SLURM job 1 (restart 0, node g1) stops without writing" in errors
    assert not (tmp_path / "cell/model").exists()
    assert not list((tmp_path / "cell").rglob(".*"))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the option")
def test_freed_memory_is_used_again_without_a_page_fault():
    faults_of_the_last_tensor = """
import ctypes, resource, sys, torch
from scripts.lib.training.finetuning import keep_freed_memory
pr_set_thp_disable = 41  # prctl.h: a kernel that gives huge pages to all takes one fault for 512 pages
ctypes.CDLL(None).prctl(pr_set_thp_disable, 1, 0, 0, 0)
if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    faults = {
        memory: int(subprocess.check_output([sys.executable, "-c", faults_of_the_last_tensor, memory], cwd=ROOT))
        for memory in ("return", "keep")
    }
    pages = 2**24 * 4 / resource.getpagesize()
    assert faults["return"] > 0.9 * pages
    assert faults["keep"] < 0.1 * pages
