"""Networks are built from their folders before a job needs them; what cannot be built is refused."""

import json
import shutil

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPModel, CLIPTextModel, RobertaConfig, RobertaModel

from scripts.lib.base.code import ROOT
from scripts.lib.base.kinds import kinds
from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.engines import pipelines, stable_diffusion
from tests.models import SHAPES, tiny_pipeline

NETWORKS = kinds("networks", mark="extractor")
MINIATURE = ROOT / "models/miniature"


@pytest.fixture
def model(tmp_path):
    shutil.copytree(MINIATURE, tmp_path / "model")
    return tmp_path / "model"


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change(path, alter):
    tensors = load_file(path)
    alter(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def test_the_embedded_model_can_be_built():
    classes = stable_diffusion.build(MINIATURE)
    assert classes == {
        "unet": "UNet2DConditionModel",
        "vae": "AutoencoderKL",
        "text_encoder": "CLIPTextModel",
        "scheduler": "DDIMScheduler",
    }
    assert NETWORKS["clip"].build(MINIATURE / "clip") == {"clip": "CLIPModel"}
    assert NETWORKS["vae"].build(MINIATURE / "vae") == {"vae": "AutoencoderKL"}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_models_that_people_retrain_can_be_built(shape, tmp_path):
    stable_diffusion.build(tiny_pipeline(tmp_path / "model", shape))


@pytest.mark.parametrize("options", [{}, {"device_map": "meta"}])
@pytest.mark.parametrize(
    ("kind", "file"),
    [
        (UNet2DConditionModel, "unet/diffusion_pytorch_model.safetensors"),
        (AutoencoderKL, "vae/diffusion_pytorch_model.safetensors"),
        (CLIPTextModel, "text_encoder/model.safetensors"),
        (CLIPModel, "clip/model.safetensors"),
    ],
)
def test_missing_and_unexpected_weights_are_never_accepted(model, kind, file, options):
    path = model / file
    pipelines.load(kind, path.parent, **options)
    change(path, lambda tensors: tensors.update(stranger=torch.zeros(1)))
    with pytest.raises(ModelError, match=f"not the weights of a {kind.__name__}: 1 unexpected keys, such as stranger"):
        pipelines.load(kind, path.parent, **options)
    change(path, lambda tensors: (tensors.pop("stranger"), tensors.pop(min(tensors))))
    with pytest.raises(ModelError, match=f"not the weights of a {kind.__name__}: 1 missing keys"):
        pipelines.load(kind, path.parent, **options)


@pytest.mark.parametrize("options", [{}, {"device_map": "meta"}])
@pytest.mark.parametrize(
    ("kind", "file", "name"),
    [
        (CLIPTextModel, "text_encoder/model.safetensors", "text_model.embeddings.position_ids"),
        (CLIPModel, "clip/model.safetensors", "vision_model.embeddings.position_ids"),
    ],
)
def test_positions_that_older_versions_saved_are_no_error(model, kind, file, name, options):
    change(model / file, lambda tensors: tensors.update({name: torch.arange(32)[None]}))
    pipelines.load(kind, (model / file).parent, **options)


def test_the_old_names_of_an_autoencoder_s_attention_are_no_error(model):
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def rename(tensors):
        for name in [name for name in tensors if "mid_block.attentions" in name]:
            for new, before in old.items():
                if f".{new}." in name:
                    tensors[name.replace(f".{new}.", f".{before}.")] = tensors.pop(name)

    expected = pipelines.load(AutoencoderKL, model / "vae").state_dict()
    change(model / "vae/diffusion_pytorch_model.safetensors", rename)
    loaded = pipelines.load(AutoencoderKL, model / "vae").state_dict()
    assert all(torch.equal(loaded[name], expected[name]) for name in expected)
    pipelines.load(AutoencoderKL, model / "vae", device_map="meta")


def test_an_encoder_of_another_class_that_says_it_is_clip_s_is_refused(model):
    shutil.rmtree(model / "text_encoder")
    size = RobertaConfig(
        vocab_size=400, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128
    )
    RobertaModel(size).save_pretrained(model / "text_encoder")
    edit(model / "text_encoder/config.json", architectures=["CLIPTextModel"])
    with pytest.raises(ModelError, match="text_encoder: not the weights of a CLIPTextModel"):
        stable_diffusion.build(model)


def test_weights_of_another_width_are_refused(model):
    edit(model / "unet/config.json", block_out_channels=[32, 64])
    with pytest.raises(ModelError, match=r"unet: no UNet2DConditionModel can be built from it|not the weights of"):
        stable_diffusion.build(model)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("FlowMatchEulerDiscreteScheduler", {}, "FlowMatchEulerDiscreteScheduler is no scheduler of Stable Diffusion"),
        ("LostScheduler", {}, "LostScheduler is no scheduler of Stable Diffusion"),
        (
            "DDIMScheduler",
            {"beta_schedule": "cubic"},
            "no DDIMScheduler can be built from scheduler_config.json: cubic",
        ),
    ],
)
def test_a_scheduler_that_cannot_be_built_is_refused(model, name, changes, message):
    edit(model / "model_index.json", scheduler=["diffusers", name])
    edit(model / "scheduler/scheduler_config.json", _class_name=name, **changes)
    with pytest.raises(ModelError, match=f"scheduler: {message}"):
        stable_diffusion.build(model)


@pytest.mark.parametrize("name", ["PNDMScheduler", "EulerAncestralDiscreteScheduler", "LCMScheduler"])
def test_other_schedulers_of_the_field_pass(model, name):
    edit(model / "model_index.json", scheduler=["diffusers", name])
    edit(model / "scheduler/scheduler_config.json", _class_name=name)
    assert stable_diffusion.build(model)["scheduler"] == name


def test_a_tokenizer_with_more_words_than_the_encoder_is_refused(model):
    path = model / "tokenizer/tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["vocab"] |= {"beyond</w>": 400}
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match="a word of number 400, but the text encoder knows 400 words"):
        stable_diffusion.build(model)


def test_a_clip_that_looks_for_another_end_of_the_prompt_is_refused(model):
    config = json.loads((model / "clip/config.json").read_text())
    config["text_config"]["eos_token_id"] = 7
    (model / "clip/config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"text_config.eos_token_id is 7, but the tokenizer ends a prompt with 1"):
        NETWORKS["clip"].build(model / "clip")
