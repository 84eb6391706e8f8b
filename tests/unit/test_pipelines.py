"""A base model that a later job would fail on is refused at once, by its configurations and headers."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from scripts.lib.base.code import ROOT
from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.engines import pipelines, stable_diffusion

CONFIGURATIONS = {
    "model_index.json": {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "PNDMScheduler"],
    },
    "unet/config.json": {"_class_name": "UNet2DConditionModel", "in_channels": 4, "cross_attention_dim": 1024},
    "vae/config.json": {
        "_class_name": "AutoencoderKL",
        "latent_channels": 4,
        "block_out_channels": [128, 256, 512, 512],
    },
    "text_encoder/config.json": {
        "architectures": ["CLIPTextModel"],
        "hidden_size": 1024,
        "max_position_embeddings": 77,
    },
    "tokenizer/tokenizer_config.json": {"model_max_length": 77},
    "tokenizer/vocab.json": {},
}


@pytest.fixture
def model(tmp_path):
    """A folder that looks like a Stable Diffusion pipeline."""
    folder = tmp_path / "model"
    for component in stable_diffusion.COMPONENTS:
        (folder / component).mkdir(parents=True)
    save_file({"encoder.conv_in.weight": np.zeros(1)}, folder / "vae/diffusion_pytorch_model.safetensors")
    save_file({"conv_in.weight": np.zeros(1)}, folder / "unet/diffusion_pytorch_model.safetensors")
    save_file({"embeddings": np.zeros(1)}, folder / "text_encoder/model.safetensors")
    for name, content in CONFIGURATIONS.items():
        (folder / name).write_text(json.dumps(content))
    predict(folder, "v_prediction")
    return folder


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def predict(folder, prediction_type):
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps({"prediction_type": prediction_type}))


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_a_whole_model_passes(model, prediction_type):
    predict(model, prediction_type)
    pipelines.check(model)


def test_a_scheduler_that_does_not_say_predicts_the_noise(model):
    (model / "scheduler" / "scheduler_config.json").write_text("{}")
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
    with pytest.raises(ModelError, match="unet: it has only a variant"):
        pipelines.check(model)


@pytest.mark.parametrize("name", ["v2-1_512-ema-pruned.ckpt", "v2-1_512-ema-pruned.safetensors"])
def test_a_single_file_checkpoint_is_refused_with_the_way_to_convert_it(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ModelError, match=rf"{name}: a single-file checkpoint.*from_single_file.*save_pretrained"):
        pipelines.check(tmp_path / name)


def test_another_kind_of_pipeline_is_refused(model):
    (model / "model_index.json").write_text('{"_class_name": "KandinskyPipeline"}')
    with pytest.raises(ModelError, match="a KandinskyPipeline, but only"):
        pipelines.check(model)


@pytest.mark.parametrize(
    ("component", "library", "kind"),
    [
        ("text_encoder", "transformers", "BertModel"),
        ("text_encoder", "transformers", "RobertaModel"),
        ("text_encoder", "transformers", "CLIPTextModelWithProjection"),
        ("vae", "diffusers", "AutoencoderTiny"),
        ("unet", "diffusers", "UNet2DModel"),
        ("tokenizer", "transformers", "BertTokenizer"),
    ],
)
def test_a_component_of_another_class_is_refused(model, component, library, kind):
    edit(model / "model_index.json", **{component: [library, kind]})
    with pytest.raises(ModelError, match=f"{component}: a {kind}, but only .* is supported here"):
        pipelines.check(model)


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("text_encoder", {"architectures": ["RobertaModel"]}, "text_encoder: a RobertaModel, but only CLIPTextModel"),
        ("vae", {"_class_name": "AutoencoderTiny"}, "vae: a AutoencoderTiny, but only AutoencoderKL"),
        ("unet", {"_class_name": "UNet2DModel"}, "unet: a UNet2DModel, but only UNet2DConditionModel"),
        ("unet", {"class_embed_type": "timestep"}, "its class_embed_type is 'timestep', an input that"),
        ("unet", {"out_channels": 8}, "its out_channels is 8, but the vae's latent_channels is 4"),
    ],
)
def test_a_component_whose_own_configuration_says_otherwise_is_refused(model, file, changes, message):
    edit(model / file / "config.json", **changes)
    with pytest.raises(ModelError, match=message):
        pipelines.check(model)


@pytest.mark.parametrize("length", [78, 1e30, None])
def test_a_tokenizer_that_is_longer_than_the_text_encoder_is_refused(model, length):
    edit(model / "tokenizer/tokenizer_config.json", model_max_length=length)
    with pytest.raises(ModelError, match=r"tokenizer: the tokenizer's model_max_length is .*has 77 positions"):
        pipelines.check(model)


def test_a_tokenizer_without_words_is_refused(model):
    (model / "tokenizer/vocab.json").unlink()
    with pytest.raises(ModelError, match=r"neither tokenizer\.json nor vocab\.json"):
        pipelines.check(model)


@pytest.mark.parametrize(("resolution", "sizes"), [(500, "496 or 504"), (4, "8"), (513, "512 or 520")])
def test_a_resolution_that_the_pipeline_would_round_is_refused(model, resolution, sizes):
    pipelines.check_resolution(model, 512)
    with pytest.raises(
        ModelError, match=f"dataset.resolution: it is {resolution}, .*multiples of 8 pixels; set {sizes}$"
    ):
        pipelines.check_resolution(model, resolution)


def test_a_broken_configuration_is_named(model):
    (model / "vae" / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"vae/config\.json: not JSON"):
        pipelines.check(model)


def test_an_unknown_prediction_type_is_refused(model):
    predict(model, "sample")
    with pytest.raises(ModelError, match="prediction_type 'sample' is none of"):
        pipelines.check(model)


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


def test_more_steps_than_the_scheduler_has_are_refused(model):
    pipelines.check_steps(model, 1000)
    with pytest.raises(ModelError, match=r"generate\.steps: it is 1001, but the scheduler of .* has 1000"):
        pipelines.check_steps(model, 1001)
