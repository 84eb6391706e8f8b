"""Weights that cannot be those of a feature network are refused by their configuration and headers."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from scripts.lib.base.code import ROOT
from scripts.lib.base.kinds import kinds
from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.vision import clip_files
from scripts.lib.vision.clip_files import CLIP_MEAN
from scripts.lib.vision.clip_model import Clip
from scripts.lib.weights import configured

NETWORKS = kinds("networks", mark="extractor")
MINIATURE = ROOT / "models/miniature"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64


@pytest.fixture
def clip(tmp_path):
    shutil.copytree(MINIATURE / "clip", tmp_path / "clip")
    return tmp_path / "clip"


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_embedded_networks_pass():
    NETWORKS["clip"].check(MINIATURE / "clip")
    NETWORKS["vae"].check(MINIATURE / "vae")


@pytest.mark.parametrize(
    ("network", "name", "message"),
    [
        ("inception", "lost.pth", r"no such file; the network 'inception' needs the file pt_inception-2015-12-05"),
        ("inception_192", "unet", r"no such file; .* needs the file inception_v3_google-0cc3c7bd\.pth"),
        ("clip", "lost", "no such folder"),
        ("clip", "text_encoder", "config.json names a CLIPTextModel, but the CLIP score needs a CLIPModel"),
        ("clip", "tokenizer", r"tokenizer/config\.json: missing"),
        ("vae", "scheduler", r"scheduler/config\.json: missing"),
        ("vae", "unet", "config.json names a UNet2DConditionModel, but only an AutoencoderKL"),
    ],
)
def test_weights_that_cannot_be_those_of_a_network_are_refused(network, name, message):
    with pytest.raises(ModelError, match=message):
        NETWORKS[network].check(MINIATURE / name)


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [("SiglipModel", "siglip"), ("CLIPVisionModelWithProjection", "clip_vision_model"), (None, "clip_text_model")],
)
def test_a_clip_of_another_class_is_refused(clip, architecture, kind):
    edit(clip / "config.json", architectures=architecture and [architecture], model_type=kind)
    with pytest.raises(ModelError, match=f"names a {architecture or kind}, but the CLIP score needs a CLIPModel"):
        NETWORKS["clip"].check(clip)


def test_a_clip_that_does_not_name_its_class_passes(clip):
    edit(clip / "config.json", architectures=None)
    NETWORKS["clip"].check(clip)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_pointer_in_the_place_of_a_file_is_refused(clip, name):
    (clip / name).write_text(POINTER)
    with pytest.raises(ModelError, match=f"{name}: a Git LFS pointer"):
        NETWORKS["clip"].check(clip)


def test_a_pointer_in_the_place_of_a_pickled_network_is_refused(tmp_path):
    (tmp_path / "inception.pth").write_text(POINTER)
    with pytest.raises(ModelError, match=r"inception\.pth: a Git LFS pointer"):
        NETWORKS["inception"].check(tmp_path / "inception.pth")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resample": 2}, "resample is 2, but images are resized bicubically"),
        ({"size": {"shortest_edge": 48}}, "size is 48, but images are resized bicubically to the tower's 32 pixels"),
        ({"size": 48}, "size is 48"),
        ({"do_normalize": False}, "do_normalize is False"),
    ],
)
def test_a_clip_whose_images_are_made_in_another_way_is_refused(clip, changes, message):
    edit(clip / "preprocessor_config.json", **changes)
    with pytest.raises(ModelError, match=message):
        NETWORKS["clip"].check(clip)


def test_a_clip_gets_its_images_normalized_as_it_says(clip):
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    assert clip_files.normalization(clip).mean == pytest.approx(CLIP_MEAN)
    usual = Clip(clip, 2)
    edit(clip / "preprocessor_config.json", image_mean=[0.5] * 3, image_std=[0.25] * 3)
    own = Clip(clip, 2)
    expected = (images.transpose(0, 3, 1, 2) / 255 - 0.5) / 0.25
    assert own._pixels(images).cpu().numpy() == pytest.approx(expected, abs=1e-5)
    assert not np.allclose(own.embed_images(images), usual.embed_images(images))


def test_a_clip_without_a_preprocessor_is_normalized_as_openai_s(clip):
    (clip / "preprocessor_config.json").unlink()
    assert clip_files.normalization(clip) == (clip_files.CLIP_MEAN, clip_files.CLIP_DEVIATION)


@pytest.mark.parametrize("digits", [8, 64])
def test_a_file_of_another_hash_is_refused(tmp_path, digits):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"weights")
    actual = hashlib.sha256(b"weights").hexdigest()
    configured.check_hash(path, actual[:digits])
    with pytest.raises(ModelError, match=rf"weights\.pth: its SHA-256 is {actual}, expected 0+; remove the file"):
        configured.check_hash(path, "0" * digits)
