"""A base model that a later job would fail on is refused at once. Files here are empty: no weights are read."""

import hashlib
import json
import shutil

import pytest

from scripts.lib.base.code import ROOT
from scripts.lib.engines import pipelines
from scripts.lib.engines.pipelines import ModelError

CONFIGURATIONS = {
    "model_index.json": {"_class_name": "StableDiffusionPipeline"},
    "unet/config.json": {"in_channels": 4, "cross_attention_dim": 1024},
    "vae/config.json": {"latent_channels": 4},
    "text_encoder/config.json": {"hidden_size": 1024},
}


@pytest.fixture
def model(tmp_path):
    """A folder that looks like a Stable Diffusion pipeline."""
    folder = tmp_path / "model"
    for component in pipelines.COMPONENTS:
        (folder / component).mkdir(parents=True)
    for name in (
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
    ):
        (folder / name).touch()
    for name, content in CONFIGURATIONS.items():
        (folder / name).write_text(json.dumps(content))
    predict(folder, "v_prediction")
    return folder


def predict(folder, prediction_type):
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps({"prediction_type": prediction_type}))


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_a_whole_model_passes(model, prediction_type):
    predict(model, prediction_type)
    pipelines.check(model)


def test_a_scheduler_that_does_not_say_predicts_the_noise(model):
    (model / "scheduler" / "scheduler_config.json").write_text("{}")
    pipelines.check(model)


def test_a_sharded_model_passes(model):
    (model / "unet" / "diffusion_pytorch_model.safetensors").rename(
        model / "unet" / "diffusion_pytorch_model-00001-of-00002.safetensors"
    )
    pipelines.check(model)


def test_pickled_weights_beside_safetensors_do_no_harm(model):
    (model / "unet" / "diffusion_pytorch_model.bin").touch()
    pipelines.check(model)


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (".", "no diffusers pipeline there"),
        ("model_index.json", "from_single_file"),
        ("unet", "'unet' is missing"),
        ("tokenizer", "'tokenizer' is missing"),
        ("scheduler/scheduler_config.json", "scheduler_config.json: missing"),
        ("text_encoder/model.safetensors", "text_encoder: no weights"),
        ("unet/config.json", "unet/config.json: missing"),
    ],
)
def test_a_missing_part_is_named(model, missing, message):
    remove(model / missing)
    with pytest.raises(ModelError, match=f"{model}.*{message}"):
        pipelines.check(model)


@pytest.mark.parametrize("name", ["diffusion_pytorch_model.bin", "weights.ckpt", "a.pt", "b.pth"])
def test_only_pickled_weights_are_refused_with_the_way_out(model, name):
    (model / "vae" / "diffusion_pytorch_model.safetensors").rename(model / "vae" / name)
    with pytest.raises(ModelError, match=rf"vae: the weights are pickled \({name}\).*save_pretrained"):
        pipelines.check(model)


def test_only_a_variant_of_the_weights_is_refused(model):
    (model / "unet" / "diffusion_pytorch_model.safetensors").rename(
        model / "unet" / "diffusion_pytorch_model.fp16.safetensors"
    )
    with pytest.raises(ModelError, match="unet: only a variant"):
        pipelines.check(model)


@pytest.mark.parametrize("name", ["v2-1_512-ema-pruned.ckpt", "v2-1_512-ema-pruned.safetensors"])
def test_a_single_file_checkpoint_is_refused_with_the_way_to_convert_it(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ModelError, match=rf"{name}: a single-file checkpoint.*from_single_file.*save_pretrained"):
        pipelines.check(tmp_path / name)


def test_another_kind_of_pipeline_is_refused(model):
    (model / "model_index.json").write_text('{"_class_name": "StableDiffusionXLPipeline"}')
    with pytest.raises(ModelError, match="a StableDiffusionXLPipeline, but only"):
        pipelines.check(model)


def test_a_broken_configuration_is_named(model):
    (model / "vae" / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"vae/config\.json: not JSON"):
        pipelines.check(model)


@pytest.mark.parametrize(
    ("network", "name", "message"),
    [
        ("inception", "lost.pth", r"no such file; the network 'inception' needs the file pt_inception-2015-12-05"),
        ("inception_192", "unet", r"no such file; .* needs the file inception_v3_google-0cc3c7bd\.pth"),
        ("clip", "lost", "no such folder"),
        ("vae", "scheduler", "no weights"),
    ],
)
def test_weights_that_cannot_be_those_of_a_network_are_refused(model, network, name, message):
    with pytest.raises(ModelError, match=message):
        pipelines.check_network(network, model / name)


@pytest.mark.parametrize("digits", [8, 64])
def test_a_file_of_another_hash_is_refused(tmp_path, digits):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"weights")
    actual = hashlib.sha256(b"weights").hexdigest()
    pipelines.check_hash(path, actual[:digits])
    with pytest.raises(ModelError, match=rf"weights\.pth: its SHA-256 is {actual}, expected 0+; remove the file"):
        pipelines.check_hash(path, "0" * digits)


def test_an_unknown_prediction_type_is_refused(model):
    predict(model, "sample")
    with pytest.raises(ModelError, match="prediction_type 'sample' is none of"):
        pipelines.check(model)


def test_the_digest_of_a_folder_changes_with_its_content_and_names(model):
    digests = {pipelines.digest(model)}
    (model / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"x")
    digests.add(pipelines.digest(model))
    (model / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"y")
    digests.add(pipelines.digest(model))
    (model / "unet" / "another.json").touch()
    digests.add(pipelines.digest(model))
    assert len(digests) == 4


def test_the_digest_of_a_folder_does_not_depend_on_where_it_lies(model, tmp_path):
    shutil.copytree(model, tmp_path / "copy")
    assert pipelines.digest(model) == pipelines.digest(str(tmp_path / "copy"))


def test_the_digest_of_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="lost: no such folder"):
        pipelines.digest(tmp_path / "lost")


def test_the_embedded_model_passes():
    if not (ROOT / "models" / "miniature").is_dir():
        pytest.skip("models/miniature is not there yet")
    pipelines.check(ROOT / "models" / "miniature")
