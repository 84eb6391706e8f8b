"""A base model that a later job would fail on is refused at once. Files here are empty: no weights are read."""

import json
import shutil

import pytest

from scripts.lib import pipelines
from scripts.lib.code import ROOT
from scripts.lib.pipelines import ModelError


@pytest.fixture
def model(tmp_path):
    """A folder that looks like a Stable Diffusion pipeline."""
    folder = tmp_path / "model"
    for component in pipelines.COMPONENTS:
        (folder / component).mkdir(parents=True)
    for name in (
        "model_index.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
    ):
        (folder / name).touch()
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
    (model / "unet" / "config.json").touch()
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
