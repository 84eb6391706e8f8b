"""Weights that cannot be loaded are refused by their headers; those that can pass."""

import json

import pytest
import torch
from safetensors.torch import save_file

from scripts.lib.base.safetensors_files import ModelError, shapes, shapes_of_file

STEM = "diffusion_pytorch_model"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 3438167536\n"


@pytest.fixture
def folder(tmp_path):
    save_file({"a": torch.zeros(2, 3), "b": torch.zeros(4)}, tmp_path / f"{STEM}.safetensors")
    return tmp_path


def shard(folder):
    """Turn the folder's weights into two shards with their index."""
    (folder / f"{STEM}.safetensors").unlink()
    places = {name: f"{STEM}-0000{n}-of-00002.safetensors" for n, name in enumerate("ab", 1)}
    for name, file in places.items():
        save_file({name: torch.zeros(2, 3)}, folder / file)
    (folder / f"{STEM}.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))


def test_a_whole_file_passes_with_its_shapes(folder):
    assert shapes(folder, STEM) == {"a": (2, 3), "b": (4,)}


def test_shards_with_their_index_pass(folder):
    shard(folder)
    assert shapes(folder, STEM) == {"a": (2, 3), "b": (2, 3)}


def test_pickled_weights_and_variants_beside_whole_ones_do_no_harm(folder):
    for name in (f"{STEM}.bin", f"{STEM}.fp16.safetensors", "open_clip_model.safetensors"):
        (folder / name).write_bytes(b"decoy")
    assert shapes(folder, STEM).keys() == {"a", "b"}


def test_a_scalar_and_a_tensor_without_elements_pass(tmp_path):
    save_file({"logit_scale": torch.tensor(1.0), "none": torch.zeros(0)}, tmp_path / "model.safetensors")
    assert shapes(tmp_path, "model") == {"logit_scale": (), "none": (0,)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (POINTER.encode(), "a Git LFS pointer, not the file; run `git lfs pull`"),
        (b"", r"not a safetensors file \(0 bytes\), or cut off in its header"),
        (b"<html>Not found</html>", "not a safetensors file"),
        (b"\x08\0\0\0\0\0\0\0[1, 2, 3", "not a safetensors file"),
    ],
)
def test_a_file_that_is_none_is_refused(folder, content, message):
    (folder / f"{STEM}.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=rf"{STEM}\.safetensors: {message}"):
        shapes(folder, STEM)


@pytest.mark.parametrize("bytes_left", [-1, 60, 10])
def test_a_file_that_was_cut_off_is_refused(folder, bytes_left):
    path = folder / f"{STEM}.safetensors"
    path.write_bytes(path.read_bytes()[:bytes_left])
    with pytest.raises(ModelError, match="cut off"):
        shapes_of_file(path)


def test_a_missing_shard_is_named(folder):
    shard(folder)
    (folder / f"{STEM}-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelError, match=rf"the shard {STEM}-00002-of-00002\.safetensors is missing"):
        shapes(folder, STEM)


def test_a_tensor_that_no_shard_holds_is_named(folder):
    shard(folder)
    save_file({"c": torch.zeros(1)}, folder / f"{STEM}-00002-of-00002.safetensors")
    with pytest.raises(ModelError, match="'b' is in no shard"):
        shapes(folder, STEM)


def test_shards_without_an_index_are_refused(folder):
    shard(folder)
    (folder / f"{STEM}.safetensors.index.json").unlink()
    with pytest.raises(ModelError, match=rf"no {STEM}\.safetensors\.index\.json that joins them"):
        shapes(folder, STEM)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pytorch_lora_weights.safetensors", r"only pytorch_lora_weights\.safetensors, .*fuse_lora"),
        (f"{STEM}.fp16.safetensors", "it has only a variant of the weights .*variant=VARIANT"),
        (f"{STEM}.bin", r"the weights are pickled \(.*save_pretrained"),
        ("weights.ckpt", r"the weights are pickled \(weights\.ckpt\)"),
        ("notes.txt", rf"no weights \({STEM}\.safetensors\) there"),
    ],
)
def test_other_files_than_the_weights_are_refused_with_the_way_out(folder, name, message):
    (folder / f"{STEM}.safetensors").rename(folder / name)
    with pytest.raises(ModelError, match=message):
        shapes(folder, STEM)


def test_weights_and_an_index_beside_them_are_ambiguous(folder):
    (folder / f"{STEM}.safetensors.index.json").write_text("{}")
    with pytest.raises(ModelError, match="are both there"):
        shapes(folder, STEM)
