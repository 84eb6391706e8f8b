"""The two Inception networks against the public implementations, all under the same random weights.

The published weights are not available here; an error of architecture, resizing or scaling shows with any weights.
"""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models.inception import Inception3

from scripts.lib.base.kinds import kinds
from scripts.lib.engines.pipelines import ModelError
from scripts.lib.metrics.frechet_distance import frechet_distance
from scripts.lib.rewards.single_image_distance import single_image_distances
from scripts.lib.vision import inception_v3 as inception
from tests.unit.test_metrics import by_clean_fid, by_pytorch_fid, by_torch_fidelity

NETWORKS = kinds("networks", mark="extractor")


def random_weights(network: nn.Module) -> nn.Module:
    """Fill a network so that every layer matters: activations keep their scale, and normalization does something."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            for name in ("weight", "running_var"):
                module.state_dict()[name].uniform_(0.7, 1.3, generator=generator)
            for name in ("bias", "running_mean"):
                module.state_dict()[name].uniform_(-0.3, 0.3, generator=generator)
    return network


@pytest.fixture(scope="module")
def fid_weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "fid.pth"
    network = Inception3(num_classes=1008, aux_logits=False, init_weights=False)
    torch.save(random_weights(network).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    network = random_weights(Inception3(init_weights=False)).eval()
    path = tmp_path_factory.mktemp("weights") / "imagenet.pth"
    torch.save(network.state_dict(), path)
    return network, path


def pictures(n: int, size: int, seed: int) -> np.ndarray:
    """Smooth pictures with grain, uint8 (n, size, size, 3)."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.integers(0, 256, (n, 3, 5, 5))).float()
    smooth = nn.functional.interpolate(coarse, (size, size), mode="bicubic").permute(0, 2, 3, 1).numpy()
    return (smooth + rng.normal(0, 8 + 4 * seed, smooth.shape)).clip(0, 255).astype(np.uint8)


def sets(size: int) -> tuple[np.ndarray, np.ndarray]:
    return pictures(4, size, 0), pictures(5, size, 1)


def rotated(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both sets in a basis of what they span: the same distance, and their square root takes no minute."""
    basis = np.linalg.qr(np.concatenate([x, y]).T)[0]
    return x @ basis, y @ basis


def test_equals_pytorch_fid_from_the_image_files_on(fid_weights, tmp_path, monkeypatch):
    module = pytest.importorskip("pytorch_fid.inception")
    monkeypatch.setattr(module, "load_state_dict_from_url", lambda *_, **__: torch.load(fid_weights))
    network = module.InceptionV3([3])
    ours, theirs = [], []
    for images in sets(150):
        paths = [tmp_path / f"{index}.png" for index in range(len(images))]
        for image, path in zip(images, paths, strict=True):
            Image.fromarray(image).save(path)
        from pytorch_fid.fid_score import get_activations

        theirs.append(get_activations(paths, network, batch_size=3, num_workers=0))
        ours.append(NETWORKS["inception"].extractor(fid_weights, 2)(images))
        assert ours[-1].shape == (len(images), 2048)
        assert ours[-1] == pytest.approx(theirs[-1], rel=1e-3, abs=1e-4 * theirs[-1].std())
    assert frechet_distance(*ours) == pytest.approx(by_pytorch_fid(*rotated(*theirs)), rel=1e-3)


def test_equals_torch_fidelity_on_images_that_need_no_resizing(fid_weights):
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    network = module.FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=fid_weights)
    ours_network = inception.fid_network(fid_weights)
    ours, theirs = [], []
    for images in sets(inception.SIZE):
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
        with torch.no_grad():
            theirs.append(network(pixels)[0].numpy())
            ours.append(ours_network((pixels.float() - 128) / 128).numpy())
    assert frechet_distance(*ours) == pytest.approx(by_torch_fidelity(*rotated(*theirs)), rel=1e-3)


def test_equals_clean_fid_on_images_resized_by_it(fid_weights, monkeypatch):
    module = pytest.importorskip("cleanfid.inception_pytorch")
    from cleanfid.features import feature_extractor
    from cleanfid.resize import build_resizer

    monkeypatch.setattr(module, "load_state_dict_from_url", lambda *_, **__: torch.load(fid_weights))
    network = feature_extractor("pytorch_inception", device=torch.device("cpu"), use_dataparallel=False)
    ours_network = inception.fid_network(fid_weights)
    ours, theirs = [], []
    for images in sets(150):
        resized = np.stack([build_resizer("clean")(image) for image in images])
        pixels = torch.from_numpy(resized).permute(0, 3, 1, 2)
        with torch.no_grad():
            theirs.append(network(pixels).numpy())
            ours.append(ours_network(pixels / 127.5 - 1).numpy())
    assert frechet_distance(*ours) == pytest.approx(by_clean_fid(*rotated(*theirs)), rel=1e-3)


@pytest.mark.parametrize(("channels", "before", "positions"), [(192, "maxpool2", 71 * 71), (64, "maxpool1", 147 * 147)])
def test_maps_are_what_torchvision_s_network_pools(imagenet, channels, before, positions):
    network, path = imagenet
    images = pictures(2, 299, 0)
    seen: list[torch.Tensor] = []
    handle = getattr(network, before).register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    with torch.no_grad():
        network(torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1)
    handle.remove()
    maps = NETWORKS[f"inception_{channels}"].extractor(path, 1)(images)
    assert maps.shape == (2, positions, channels)
    expected = seen[0].flatten(2).transpose(1, 2).numpy()
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-4)


def test_single_image_distance_equals_its_definition(imagenet):
    _, path = imagenet
    extract = NETWORKS["inception_192"].extractor(path, 2)
    generated, real = pictures(3, 96, 0), pictures(3, 96, 1)
    expected = []
    for a, b in zip(extract(generated).astype(float), extract(real).astype(float), strict=True):
        first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
        root = np.sqrt(np.linalg.eigvals(first @ second).real.clip(0)).sum()
        expected.append(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * root)
    assert single_image_distances(generated, real, extract, batch_size=2) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("network", ["inception", "inception_192", "inception_64"])
def test_other_weights_are_refused_with_the_name_of_the_right_file(network, fid_weights, imagenet, tmp_path):
    wrong = imagenet[1] if network == "inception" else fid_weights
    with pytest.raises(ModelError, match=r"not the weights of this network, .*-[0-9a-f]{8}\.pth"):
        NETWORKS[network].extractor(wrong, 1)
    (tmp_path / "page.pth").write_text("<html>not found</html>")
    with pytest.raises(ModelError, match=r"page\.pth: not the weights"):
        NETWORKS[network].extractor(tmp_path / "page.pth", 1)
