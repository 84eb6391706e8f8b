"""Gather what made each model and image set into one table: what the experiment cost."""

import json
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import run
from scripts.lib.base import csvs
from scripts.lib.experiment.cell import Cell


def main(
    records: Annotated[list[Path], typer.Argument(help="Provenance files of the cells; their folders name the cells.")],
    output: Annotated[Path, typer.Option(help="CSV to write: one row per job.")],
) -> None:
    """Write one row per job: its cell and step, seconds, optimizer steps of a fine-tune, machine, and peak memory."""
    csvs.write(output, pd.DataFrame([_row(path) for path in records]))


def _row(path: Path) -> dict:
    cell = next(folder for folder in path.parents if folder.name.startswith("iteration-"))
    record = json.loads(path.read_text())
    machine = record["machine"]
    return {
        **Cell.from_path(cell / path.name)._asdict(),
        "step": path.relative_to(cell).with_suffix("").as_posix(),
        "seconds": record["seconds"],
        "optimizer_steps": record.get("results", {}).get("steps"),
        "gpus": machine["gpus"],
        "device": machine["device"],
        "node": machine["node"],
        "slurm_job": machine["slurm_job"],
        "peak_memory_mib": record["peak_memory_mib"],
        "peak_gpu_memory_mib": machine.get("peak_gpu_memory_mib"),
        "started": record["started"],
    }


if __name__ == "__main__":
    run(main)
