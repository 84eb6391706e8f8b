"""Print seconds and peak memory of every job, from Snakemake's benchmark files."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import run


def main(benchmarks: Annotated[Path, typer.Argument(help="Folder of the benchmark files.")]) -> None:
    """Print one line per job: seconds of wall and of processor time, and peak resident memory in GiB."""
    rows = []
    for path in sorted(benchmarks.rglob("*.tsv"), key=lambda path: path.stat().st_mtime):
        measured = pd.read_csv(path, sep="\t").iloc[-1]
        job = path.relative_to(benchmarks).with_suffix("")
        rows.append([job, f"{measured['s']:.0f}", f"{measured['cpu_time']:.0f}", f"{measured['max_rss'] / 1024:.1f}"])
    table = pd.DataFrame(rows, columns=["job", "seconds", "processor seconds", "peak GiB"])
    print(table.to_string(index=False))


if __name__ == "__main__":
    run(main)
