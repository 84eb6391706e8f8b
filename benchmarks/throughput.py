"""Measure batched classification against a plain loop of DeepFace.analyze, at DeepFace's full size.

python -m benchmarks.throughput     # needs 4 GB of memory, 2 GB of disk and a few minutes; no download
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from PIL import Image

from scripts.cli import run
from scripts.lib.dataset.classification import Classifier, classify
from tests.networks import write_vgg16

ASKED = ["age", "gender", "race"]


def main(
    number: Annotated[int, typer.Option(help="Images a measurement.")] = 16,
    edge: Annotated[int, typer.Option(help="Edge of the images in pixels; FFHQ's is 1024 or 128.")] = 1024,
    batch_size: Annotated[int, typer.Option(help="Images a batch.")] = 16,
    threads: Annotated[int, typer.Option(help="Threads of the networks; analyze takes one for each core.")] = 1,
    repeats: Annotated[int, typer.Option(help="Measurements of each, alternating.")] = 3,
    frozen: Annotated[bool, typer.Option(help="Equal convolutions, as DeepFace trained its own.")] = True,
) -> None:
    """Print seconds per image of both, side by side, and whether they agree on every label."""
    with tempfile.TemporaryDirectory() as folder:
        home, faces = Path(folder), Path(folder) / "faces"
        write_vgg16(home / ".deepface/weights", frozen)
        faces.mkdir()
        rng = np.random.default_rng(0)
        for index in range(number):
            coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
            coarse.resize((edge, edge), Image.Resampling.BICUBIC).save(faces / f"{index:05d}.png")
        names = sorted(path.name for path in faces.iterdir())
        os.environ |= {"DEEPFACE_HOME": folder, "DEEPFACE_BACKEND_ENGINE": "onnx"}
        from deepface import DeepFace

        def loop() -> pd.DataFrame:
            options = {"detector_backend": "skip", "enforce_detection": False, "silent": True}
            found = [DeepFace.analyze(str(faces / name), ASKED, **options)[0] for name in names]
            rows = [(str(face["age"]), face["dominant_gender"], face["dominant_race"]) for face in found]
            return pd.DataFrame(rows, columns=ASKED)

        def batched() -> pd.DataFrame:
            return pd.concat(classify(names, faces, classifier, batch_size), ignore_index=True)[ASKED]

        DeepFace.analyze(str(faces / names[0]), ASKED, detector_backend="skip", enforce_detection=False, silent=True)
        classifier = Classifier(home / ".deepface/weights", ASKED, threads)
        seconds: dict[str, list[float]] = {"loop": [], "batched": []}
        for _ in range(repeats):
            one, other = (_timed(way, seconds[name]) for name, way in (("loop", loop), ("batched", batched)))
            print(f"equal labels: {one.equals(other)}; distinct: {other.nunique().to_dict()}")
        best = {name: min(times) / number for name, times in seconds.items()}
        print({name: [round(time / number, 3) for time in times] for name, times in seconds.items()})
        print(f"seconds per image, best: {best}; batched is {best['loop'] / best['batched']:.2f} times as fast")


def _timed(way: Callable[[], pd.DataFrame], seconds: list[float]) -> pd.DataFrame:
    start = time.perf_counter()
    result = way()
    seconds.append(time.perf_counter() - start)
    return result


if __name__ == "__main__":
    run(main)
