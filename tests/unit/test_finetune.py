"""The command line of a fine-tune: it trains on the image sets that its table names, and records them."""

import json

import numpy as np
import pandas as pd

from scripts import finetune
from scripts.lib.base import csvs, imageset
from scripts.lib.base.code import ROOT
from scripts.lib.base.hashes import sha256
from scripts.lib.experiment.config.finetune import Finetune
from scripts.lib.regimes.composition import COLUMNS


def test_a_fine_tune_reads_the_sets_that_its_table_names_and_records_them(tmp_path):
    real, rewritten = tmp_path / "dataset/images.zip", tmp_path / "a/seed-0/iteration-1/curation/1-match_histograms.zip"
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    for path, image in zip((real, rewritten), images, strict=True):
        imageset.write(path, pd.DataFrame({"file_name": ["x.png"]}), image[None])
    rows = [
        ["dataset/images.zip", "x.png", "x.png", "g", "a man", "real", 0],
        ["a/seed-0/iteration-1/curation/1-match_histograms.zip", "x.png", "y.png", "g", "a man", "base", 0],
    ]
    training, cell = tmp_path / "training.csv", tmp_path / "a/seed-0/iteration-1"
    csvs.write(training, pd.DataFrame(rows, columns=COLUMNS))
    finetune.main(
        model=ROOT / "models/miniature",
        training=training,
        images=[real, rewritten],
        tf32=False,
        root=tmp_path,
        seed=0,
        replicate=0,
        iteration=1,
        output=cell / "model",
        provenance=cell / "finetune.json",
        checkpoints=cell / "checkpoints",
        settings=Finetune(epochs=1, batch_size=2, average=0.9),
        checkpoint_minutes=10,
        code="",
    )
    record = json.loads((cell / "finetune.json").read_text(encoding="utf-8"))
    assert {str(path): sha256(path) for path in (training, real, rewritten)}.items() <= record["inputs"].items()
    assert record["parameters"]["root"] == str(tmp_path)
    assert set(record["parameters"]) == {
        *Finetune.model_fields,
        *("model", "start", "root", "seed", "replicate", "iteration", "checkpoint_minutes", "code", "tf32"),
    }
    assert len(record["results"]["loss"]) == 1
    assert not (cell / "checkpoints").exists()
    for folder in ("model", "model/last"):
        assert (cell / folder / "diffusion_pytorch_model.safetensors").is_file()
