"""Pipelines of published architectures: which parts are written, and what their index says."""

import inspect
import json

import diffusers
import pytest
import torch

from benchmarks.full_size import pipelines


class Saved(torch.nn.Module):
    """A network that is not built, and leaves its folder only."""

    def save_pretrained(self, folder, **_options):
        """Make the folder."""
        folder.mkdir(parents=True)


@pytest.mark.parametrize(
    "architecture",
    ["stable-diffusion-2-1-base", "stable-diffusion-xl-base-1.0", "stable-diffusion-3-medium-diffusers"],
)
def test_the_index_names_what_is_there_and_what_the_class_takes(tmp_path, monkeypatch, architecture):
    monkeypatch.setattr(pipelines, "part", lambda *_, **_changes: Saved())
    pipelines.write(architecture, tmp_path)
    index = json.loads((tmp_path / "model_index.json").read_text(encoding="utf-8"))
    kind = getattr(diffusers, index.pop("_class_name"))
    assert index.keys() <= inspect.signature(kind.__init__).parameters.keys()
    there = {name for name, (library, _) in index.items() if library}
    assert there == {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert "scheduler" in there
    assert "text_encoder_3" not in there
