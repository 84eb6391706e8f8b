"""LoRA: what is trained, what a cell keeps, and how the adapters of iterations follow each other."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from scripts import finetune
from scripts.cli import app
from scripts.lib.base.code import ROOT
from scripts.lib.base.safetensors_files import ModelError, shapes
from scripts.lib.engines.engine import engine_of
from scripts.lib.experiment.config.load import load
from scripts.lib.training.trainables import full, lora
from tests.unit.test_finetuning import ONE_THREAD, finetune_command, write_training_set

MODEL = ROOT / "models/miniature"
ENGINE = engine_of(MODEL)
FILES = ["adapter_config.json", "adapter_model.safetensors"]


def prepared(start: Path | None = None, **settings: Any) -> Any:
    return lora.prepare(ENGINE, MODEL, start, lora.Settings(**settings))


def trained(folder: Path, start: Path | None = None, **settings: Any) -> Path:
    """Write what a fine-tune might have made of an adapter: one whose factors are not zero."""
    network = prepared(start, **settings)
    torch.manual_seed(0)
    for parameter in lora.parameters(network):
        torch.nn.init.normal_(parameter.data, std=0.1)
    lora.save(network, folder)
    return folder


@torch.no_grad()
def output(network: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    noisy, text = torch.randn(2, 4, 8, 8, generator=generator), torch.randn(2, 7, 64, generator=generator)
    return network(noisy, torch.tensor([3, 700]), text).sample


def change(folder: Path, layer: str) -> torch.Tensor:
    """Return what an adapter adds to the weights of a layer."""
    config, tensors = json.loads((folder / "adapter_config.json").read_text()), load_file(folder / FILES[1])
    down, up = (tensors[f"base_model.model.{layer}.lora_{factor}.weight"] for factor in "AB")
    return config["lora_alpha"] / config["r"] * up @ down


LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"


def test_a_new_adapter_changes_nothing_and_is_all_that_is_trained():
    network = prepared(rank=2)
    torch.testing.assert_close(output(network), output(ENGINE.network(MODEL / "unet")), atol=1e-6, rtol=1e-6)
    names = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert names
    assert all("attn" in name and ".lora_" in name for name in names)
    found = shapes(MODEL / "unet", "diffusion_pytorch_model")
    assert 4 * sum(each.numel() for each in lora.parameters(network)) == lora.size(found, lora.Settings(rank=2))
    assert lora.size(found, lora.Settings()) < full.size(found, full.Settings()) / 20


def test_what_is_kept_is_an_adapter_that_peft_reads(tmp_path):
    adapter = trained(tmp_path / "model", rank=2, alpha=4)
    assert sorted(path.name for path in adapter.iterdir()) == FILES
    merged, base = lora.load(ENGINE, MODEL, adapter), ENGINE.network(MODEL / "unet")
    assert merged.state_dict().keys() == base.state_dict().keys()
    expected = base.get_parameter(f"{LAYER}.weight") + change(adapter, LAYER)
    torch.testing.assert_close(merged.get_parameter(f"{LAYER}.weight"), expected, atol=1e-6, rtol=1e-6)
    theirs = PeftModel.from_pretrained(ENGINE.network(MODEL / "unet"), adapter)
    torch.testing.assert_close(output(merged), output(theirs), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(output(merged), output(base), atol=1e-2)


def test_a_stack_adds_a_new_adapter_to_those_before(tmp_path):
    one = trained(tmp_path / "one", rank=2, alpha=4)
    network = prepared(one, rank=3)
    torch.testing.assert_close(output(network), output(lora.load(ENGINE, MODEL, one)), atol=1e-5, rtol=1e-5)
    assert all(parameter.shape.count(3) for parameter in lora.parameters(network)), "those before are frozen"
    two = trained(tmp_path / "two", one, rank=3)
    assert json.loads((two / "adapter_config.json").read_text())["r"] == 5
    alone = trained(tmp_path / "alone", rank=3)
    torch.testing.assert_close(change(two, LAYER), change(one, LAYER) + change(alone, LAYER), atol=1e-6, rtol=1e-6)
    assert lora.kept({"to_q.weight": (5, 7)}, lora.Settings(rank=3), 2) == 2 * 4 * 3 * (5 + 7)


def test_a_stack_may_change_the_layers(tmp_path):
    one = trained(tmp_path / "one", rank=2, targets=["to_q"])
    two = trained(tmp_path / "two", one, rank=3, alpha=1, targets=["to_q", "ff.net.2"])
    tensors = load_file(two / FILES[1])
    base = "base_model.model.down_blocks.1.attentions.0.transformer_blocks.0"
    assert [len(tensors[f"{base}.{name}.lora_A.weight"]) for name in ("attn1.to_q", "ff.net.2")] == [5, 3]
    theirs = PeftModel.from_pretrained(ENGINE.network(MODEL / "unet"), two)
    torch.testing.assert_close(output(lora.load(ENGINE, MODEL, two)), output(theirs), atol=1e-5, rtol=1e-5)


def test_to_continue_trains_the_adapter_further(tmp_path):
    one = trained(tmp_path / "one", rank=2)
    network = prepared(one, chain="continue", rank=2)
    torch.testing.assert_close(output(network), output(lora.load(ENGINE, MODEL, one)), atol=1e-5, rtol=1e-5)
    lora.save(network, tmp_path / "two")
    before, after = load_file(one / FILES[1]), load_file(tmp_path / "two" / FILES[1])
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert sum(each.numel() for each in lora.parameters(network)) == sum(each.numel() for each in before.values())


def test_the_bytes_that_the_plan_counts_are_those_of_the_file(tmp_path):
    found, path = shapes(MODEL / "unet", "diffusion_pytorch_model"), tmp_path / "one"
    for length, start in ((1, None), (2, path)):
        path = trained(tmp_path / str(length), start and path)
        tensors = sum(4 * each.numel() for each in load_file(path / FILES[1]).values())
        assert tensors == lora.kept(found, lora.Settings(), length)


def test_an_adapter_of_another_network_is_refused(tmp_path):
    adapter = trained(tmp_path / "model")
    tensors = load_file(adapter / FILES[1])
    tensors.pop(min(tensors))
    save_file(tensors, adapter / FILES[1])
    with pytest.raises(ModelError, match=r"model: not an adapter of this network; it was trained on another"):
        lora.load(ENGINE, MODEL, adapter)


@pytest.mark.parametrize("target", ["to_k_q", "o_q", "norm1"])
def test_a_target_that_is_no_layer_is_refused(target):
    lora.check(ENGINE, MODEL, lora.Settings(targets=["to_q", "conv_in"]))
    with pytest.raises(ModelError, match=rf"lora\.targets: .*unet has no layer '{target}'"):
        lora.check(ENGINE, MODEL, lora.Settings(targets=["to_q", target]))


def test_a_parent_keeps_its_model_as_its_arm_does(settings):
    settings["arms"] = {
        "mixed": {},
        "healed": {"parent": "mixed", "from_iteration": 1, "finetune": {"trainable": {"lora": {"rank": 8}}}},
    }
    message = r"arms\.healed\.finetune\.trainable: `lora` .* one adapter, but its parent 'mixed' is trained by `full`"
    with pytest.raises(ValueError, match=message):
        load(settings)
    settings["arms"]["healed"]["init"] = "base"
    load(settings)


@pytest.fixture
def one_thread():
    """Compute as a process with `ONE_THREAD` does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_a_finetune_killed_in_the_middle_resumes_to_the_same_adapter(tmp_path):
    write_training_set(tmp_path, np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8))
    start = trained(tmp_path / "start")

    def command(name: str, **options: Any) -> list[str]:
        return finetune_command(tmp_path, name, {"epochs": 20, "trainable": "lora"}, start=start, **options)

    CliRunner().invoke(app(finetune.main), command("undisturbed", checkpoint_minutes=60)[3:], catch_exceptions=False)
    checkpoints = tmp_path / "killed/checkpoints"
    environment = os.environ | ONE_THREAD
    with subprocess.Popen(command("killed"), cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
        while len(list(checkpoints.glob("*/step-*"))) < 2:
            assert process.poll() is None, "the run ended before it could be disturbed"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    weights = load_file(max(checkpoints.glob("*/step-*")) / "model.safetensors")
    assert all(".trained." in name for name in weights), "what is frozen is not in a checkpoint"
    CliRunner().invoke(app(finetune.main), command("killed")[3:], catch_exceptions=False)
    undisturbed, killed = ((tmp_path / name / "model" / FILES[1]).read_bytes() for name in ("undisturbed", "killed"))
    assert killed == undisturbed
    assert killed != (start / FILES[1]).read_bytes()
