"""Reports that are read every few steps: the same bytes, the same stop, whatever the steps between two readings."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from scripts.lib.training import finetuning, optimizers, reports
from scripts.lib.training.optimizers import optimizer_of
from scripts.lib.training.reports import STEPS, steps_between
from scripts.lib.training.training_data import TrainingData, draw

RUN: dict[str, Any] = {
    "learning_rate": 0.1,
    "weight_decay": 0.01,
    "batch_size": 2,
    "max_grad_norm": 1.0,
    "mixed_precision": "no",
    "checkpoint_minutes": 60,
    "seed": 0,
}


class Objective:
    """The distance of a linear network's outputs to the noise; not a number at chosen steps."""

    density = "uniform"

    def __init__(self, broken: int | None = None) -> None:
        self.broken, self.calls = broken, 0

    def draw_level(self, latents: Any, generator: Any) -> torch.Tensor:  # noqa: ARG002
        return torch.zeros(())

    def loss(self, network: Any, latents: Any, noise: Any, levels: Any, text: Any) -> torch.Tensor:  # noqa: ARG002
        self.calls += 1
        loss = (network(latents) - noise).square().mean()
        return loss * float("nan") if self.calls - 1 == self.broken else loss

    losses = loss  # Nothing asks for those of single samples here.


def data() -> TrainingData:
    mean = torch.randn(1, 6, 1, 2, 4, generator=torch.Generator().manual_seed(0))
    return TrainingData(mean, torch.zeros_like(mean), {}, torch.zeros(6, dtype=torch.int64), 0)


def train(saved: Path, every: int, monkeypatch: Any, *, steps: int = 11, broken: int | None = None, **more: Any) -> Any:
    monkeypatch.setattr(finetuning, "steps_between", lambda *_: every)
    torch.manual_seed(0)
    network = torch.nn.Linear(4, 4)
    saved.mkdir(exist_ok=True)
    options = RUN | {"steps": steps} | more
    losses = finetuning.finetune(network, network.parameters(), Objective(broken), data(), saved, **options)
    return network.state_dict(), losses


@pytest.mark.parametrize("every", [2, 4, 8, 100])
def test_bytes_do_not_depend_on_how_often_reports_are_read(tmp_path, monkeypatch, every):
    expected, losses = train(tmp_path / "each", 1, monkeypatch)
    found, others = train(tmp_path / "few", every, monkeypatch)
    assert others == losses
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("broken", [0, 3, 6, 10])
def test_the_state_before_a_loss_that_is_not_finite_is_kept_whenever_it_is_found(tmp_path, monkeypatch, broken):
    kept = {}
    for every in (1, 4):
        folder = tmp_path / str(every)
        with pytest.raises(FloatingPointError, match=rf"the loss is nan, .* at step {broken}; lower"):
            train(folder, every, monkeypatch, broken=broken)
        (checkpoint,) = folder.glob("step-*")
        assert checkpoint.name == f"step-{broken:08d}"
        state = torch.load(checkpoint / "optimizer.bin", weights_only=True)["state"]
        progress = torch.load(checkpoint / "progress.pt", weights_only=True)
        kept[every] = [*load_file(checkpoint / "model.safetensors").values(), progress["losses"][:broken]]
        kept[every] += [tensor for one in state.values() for tensor in one.values()]
    if broken:
        assert len(kept[1]) == len(kept[4]) == 3 + 2 * 3
        assert all(torch.equal(*pair) for pair in zip(kept[1], kept[4], strict=True))
    else:
        assert all(torch.equal(*pair) for pair in zip(kept[1][:3], kept[4][:3], strict=True))
        assert not any(tensor.any() for tensor in kept[4][3:]), "the moments are those of no step"


def test_a_termination_ends_at_the_next_reading_and_resumes_to_the_same_bytes(tmp_path, monkeypatch):
    expected, losses = train(tmp_path / "undisturbed", 1, monkeypatch)

    def draw_and_terminate(*arguments: Any) -> Any:
        if arguments[2] == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return draw(*arguments)

    monkeypatch.setattr(finetuning, "draw", draw_and_terminate)
    with pytest.raises(SystemExit):
        train(tmp_path / "stopped", 4, monkeypatch)
    assert [path.name for path in (tmp_path / "stopped").iterdir()] == ["step-00000008"]
    monkeypatch.setattr(finetuning, "draw", draw)
    found, others = train(tmp_path / "stopped", 3, monkeypatch)
    assert others == losses
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_reports_wait_only_where_the_device_can_leave_out_a_step():
    weights = [torch.nn.Parameter(torch.zeros(2))]
    fused, plain = torch.optim.AdamW(weights, fused=True), torch.optim.SGD(weights)
    gpu, cpu = (SimpleNamespace(device=torch.device(name), scaler=None) for name in ("cuda", "cpu"))
    half = SimpleNamespace(device=torch.device("cuda"), scaler=object())
    asked: list[tuple[Any, Any, Any]] = [(gpu, fused, None), (gpu, plain, None), (gpu, fused, object())]
    asked += [(half, fused, None), (cpu, fused, None)]
    assert [steps_between(*arguments) for arguments in asked] == [STEPS, 1, 1, 1, 1]
    assert reports.STEPS > 1


def test_adam_in_8_bits_is_refused_with_the_way_out_where_its_package_is_not_there(monkeypatch):
    monkeypatch.setattr(optimizers, "find_spec", lambda _: None)
    optimizers.check(["adamw", "adamw"])
    with pytest.raises(ValueError, match=r"finetune\.optimizer: adamw_8bit needs .*pip install bitsandbytes.*: adamw$"):
        optimizers.check(["adamw", "adamw_8bit"])
    with pytest.raises(ValueError, match=r"finetune\.optimizer: adamw_8bit needs"):
        optimizer_of("adamw_8bit", [], 0.1, 0.0)


def test_adam_in_8_bits_gets_the_settings_of_a_fine_tune():
    bitsandbytes = pytest.importorskip("bitsandbytes")
    weights = [torch.nn.Parameter(torch.zeros(2))]
    optimizer = optimizer_of("adamw_8bit", weights, 0.25, 0.5)
    assert isinstance(optimizer, bitsandbytes.optim.AdamW8bit)
    assert (optimizer.defaults["lr"], optimizer.defaults["weight_decay"]) == (0.25, 0.5)
