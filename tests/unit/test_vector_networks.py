"""DINOv2, SSCD and CLIP's projection against a pipeline by hand, under random weights.

The published weights are not available here. An error of architecture, resizing or normalization shows with any.
"""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision.models.resnet import resnet50
from transformers import BitImageProcessor, CLIPImageProcessor, CLIPModel, Dinov2Config, Dinov2Model

from scripts.lib.base.code import ROOT
from scripts.lib.base.kinds import kinds
from scripts.lib.base.safetensors_files import ModelError
from tests.unit.test_inception import pictures, random_weights

NETWORKS = kinds("networks", mark="extractor")
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP = ROOT / "models/miniature/clip"


@pytest.fixture(scope="module")
def dinov2(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dinov2")
    torch.manual_seed(0)
    # Positions for 70 pixels: they are interpolated, as those of the published weights for 518 pixels are.
    model = Dinov2Model(Dinov2Config(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=70))
    model.save_pretrained(folder)
    return model.eval(), folder


@pytest.mark.parametrize("edge", [32, 224, 300])
def test_dinov2_is_the_class_token_of_transformers_pipeline(dinov2, edge):
    model, folder = dinov2
    images = pictures(3, edge, 0)
    process = BitImageProcessor(
        size={"height": 224, "width": 224},
        resample=Image.Resampling.BICUBIC,
        do_center_crop=False,
        image_mean=MEAN,
        image_std=DEVIATION,
    )
    with torch.no_grad():
        hidden = model(process(list(images), return_tensors="pt")["pixel_values"]).last_hidden_state
    found = NETWORKS["dinov2"].extractor(folder, 2)(images)
    assert found.shape == (3, 24)
    assert found.dtype == np.float32
    assert found == pytest.approx(hidden[:, 0].numpy(), abs=1e-4)


def test_dinov2_has_the_architecture_that_its_configuration_says(dinov2):
    assert NETWORKS["dinov2"].build(dinov2[1]) == {"dinov2": "Dinov2Model"}
    NETWORKS["dinov2"].check(dinov2[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "dinov2_with_registers"}, "model type 'dinov2_with_registers', but .* needs a Dinov2Model"),
        ({"patch_size": 15}, "patch_size is 15"),
    ],
)
def test_another_dinov2_is_refused(dinov2, tmp_path, changes, message):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((dinov2[1] / name).read_bytes())
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ModelError, match=message):
        NETWORKS["dinov2"].check(tmp_path)


@pytest.fixture(scope="module")
def sscd(tmp_path_factory):
    """The network, its tensors as they are published (below `backbone.`), and the same as safetensors."""
    folder = tmp_path_factory.mktemp("sscd")
    model = random_weights(resnet50(num_classes=512)).eval()
    torch.save({f"backbone.{name}": tensor for name, tensor in model.state_dict().items()}, folder / "sscd.pt")
    save_file(model.state_dict(), folder / "sscd.safetensors")
    return model, folder


@pytest.mark.parametrize("name", ["sscd.pt", "sscd.safetensors"])
def test_sscd_is_torchvision_s_resnet_with_a_cubic_mean_and_length_1(sscd, name):
    model, folder = sscd
    images = pictures(2, 64, 0)
    resized = np.stack([np.asarray(Image.fromarray(image).resize((288, 288), 2)) for image in images])
    value = (torch.from_numpy(resized).permute(0, 3, 1, 2) / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(
        DEVIATION
    ).view(3, 1, 1)
    trunk = nn.Sequential(*list(model.children())[:-2])
    with torch.no_grad():
        activations = trunk(value).flatten(2).clamp(min=1e-6)
        expected = model.fc((activations**3).mean(2) ** (1 / 3))
    expected = expected / expected.norm(dim=1, keepdim=True)
    NETWORKS["sscd"].check(folder / name)
    found = NETWORKS["sscd"].extractor(folder / name, 1)(images)
    assert found.shape == (2, 512)
    assert found == pytest.approx(expected.numpy(), abs=1e-4)


@pytest.mark.filterwarnings("ignore:.*TorchScript archive:UserWarning", "ignore:.*torch.jit.script:FutureWarning")
def test_other_weights_than_sscd_s_are_refused(tmp_path):
    check, build = NETWORKS["sscd"].check, NETWORKS["sscd"].build
    with pytest.raises(ModelError, match=r"no such file; .* needs the file sscd_disc_mixup\.torchvision\.pt"):
        check(tmp_path / "lost.pt")
    scripted = tmp_path / "sscd_disc_mixup.torchscript.pt"
    torch.jit.script(nn.Linear(1, 1)).save(scripted)
    with pytest.raises(ModelError, match="TorchScript is code, and is not run"):
        check(scripted)
    with pytest.raises(ModelError, match="not the weights of this network"):
        build(scripted)
    with pytest.raises(ModelError, match=r"holds no fc\.weight"):
        check(CLIP / "model.safetensors")
    with pytest.raises(ModelError, match="not the weights of this network"):
        build(CLIP / "model.safetensors")


def test_clip_s_embedding_is_what_transformers_compares_with_texts():
    images = pictures(3, 64, 0)
    model = CLIPModel.from_pretrained(CLIP, dtype=torch.float32).eval()
    pixels = CLIPImageProcessor.from_pretrained(CLIP)(list(images), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        pooled = model.vision_model(pixels).pooler_output
        expected = model.visual_projection(pooled)
    assert NETWORKS["clip_embedding"].extractor(CLIP, 2)(images) == pytest.approx(expected.numpy(), abs=1e-4)
