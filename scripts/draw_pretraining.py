"""Draw captioned avatars to train the miniature on: faces of the experiment's groups and more."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from tqdm import trange

from scripts.cli import run
from scripts.lib.base import imageset
from scripts.lib.base.seeds import seed_of
from scripts.lib.dataset import avatars


def main(
    split: Annotated[str, typer.Option(help="Name of the set; two names never share a picture's seed.")],
    number: Annotated[int, typer.Option(help="How many pictures.", min=1)],
    size: Annotated[int, typer.Option(help="Edge in pixels.", min=8)],
    output: Annotated[Path, typer.Option(help="The image set (zip) to write.")],
) -> None:
    """Draw NUMBER captioned avatars, plain and with hats, sunglasses, dyed hair and bold backgrounds."""
    rows, images = [], []
    for index in trange(number, desc=f"draw {split}", mininterval=10):
        attributes, extras, caption = avatars.draw_caption(np.random.default_rng(seed_of(split, index)))
        images.append(avatars.draw(**attributes, seed=f"{split}/{index}", size=size, extras=extras))
        rows.append({"file_name": f"{index:05d}.png", "text": caption, **attributes, "extras": "; ".join(extras)})
    imageset.write(output, pd.DataFrame(rows), images)


if __name__ == "__main__":
    run(main)
