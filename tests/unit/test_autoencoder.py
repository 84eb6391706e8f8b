"""Real images through the autoencoder alone, once more in each iteration."""

import numpy as np
import pandas as pd
import torch
from diffusers import AutoencoderKL
from diffusers.image_processor import VaeImageProcessor

from scripts.lib.base import imageset
from scripts.lib.base.code import ROOT
from scripts.lib.curation import autoencoder
from scripts.lib.curation.candidates import Inputs

MODEL = ROOT / "models/miniature"
NAMES = [f"{number}.png" for number in range(4)]


def test_a_pass_is_what_diffusers_encodes_decodes_and_rounds(images):
    small = images[:4, :16, :16]
    found = autoencoder.after(small, np.ones(4, int), MODEL)
    network = AutoencoderKL.from_pretrained(MODEL / "vae", torch_dtype=torch.float32)
    processor = VaeImageProcessor(vae_scale_factor=2)
    with torch.no_grad():
        latents = network.encode(processor.preprocess(small / np.float32(255))).latent_dist.mode()
        decoded = network.decode(latents).sample
    expected = (processor.postprocess(decoded, output_type="np") * 255).round().astype(np.uint8)
    assert np.abs(found.astype(int) - expected).max() <= 1, "one level of 255, where rounding may go either way"
    assert (found != expected).mean() < 1e-3
    assert (found != small).mean() > 0.5, "the pass changes the images"


def test_passes_follow_each_other_and_each_image_has_its_own_number(images):
    small = images[:4, :16, :16]
    once = autoencoder.after(small, np.ones(4, int), MODEL)
    twice = autoencoder.after(once, np.ones(4, int), MODEL)
    found = autoencoder.after(small, np.array([0, 1, 2, 2]), MODEL)
    assert np.array_equal(found[0], small[0])
    assert np.array_equal(found[1], once[1])
    # Batches of another size sum in another order.
    assert (found[2:] != twice[2:]).mean() < 1e-2


def test_the_step_reads_the_real_image_of_the_slot_and_counts_the_passes(tmp_path, images):
    small = images[:4, :16, :16]
    imageset.write(tmp_path / "real.zip", pd.DataFrame({"file_name": NAMES}), small)
    table = pd.DataFrame({"slot": NAMES[::-1], "file_name": NAMES[::-1], "images": "a/generated.zip", "group": "x"})
    inputs = Inputs(tmp_path, 0, real=tmp_path / "real.zip", model=MODEL)
    curated = autoencoder.curate(table.assign(origin="a", iteration=1), autoencoder.Settings(), inputs)
    assert curated.table["accepted"].all()
    assert curated.added is not None
    assert curated.added["passes"].tolist() == [2] * 4
    expected = autoencoder.after(small[::-1], np.full(4, 2), MODEL)
    assert np.array_equal(curated.images, expected)
