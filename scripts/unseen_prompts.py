"""Write down the unseen prompts: one row per image to generate."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import run
from scripts.lib.base import csvs


def main(
    prompt: Annotated[list[str], typer.Option(help="A prompt. Repeat it.")],
    per_prompt: Annotated[int, typer.Option(help="Images per prompt.", min=1)],
    output: Annotated[Path, typer.Option(help="CSV to write: file_name, group, text.")],
) -> None:
    """List PER_PROMPT images of each prompt; a prompt that is added at the end changes no other image."""
    rows = [
        {"file_name": f"prompt-{number}-{image:04d}.png", "group": f"prompt-{number}", "text": text}
        for number, text in enumerate(prompt)
        for image in range(per_prompt)
    ]
    csvs.write(output, pd.DataFrame(rows))


if __name__ == "__main__":
    run(main)
