"""Choose the real images of the experiment and of the scoring reference."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import Attributes, run
from scripts.lib.base import csvs
from scripts.lib.dataset.photographs import defect_of
from scripts.lib.dataset.selection import select
from scripts.lib.experiment.choices import Reference, ShortGroup


def main(
    catalogue: Annotated[Path, typer.Option(help="CSV of candidates: file_name, attributes, group.")],
    attributes: Attributes,
    prompt: Annotated[str, typer.Option(help="Template of the prompts, attributes in braces.")],
    per_group: Annotated[int, typer.Option(help="Images a group.", min=1)],
    reference_per_group: Annotated[int, typer.Option(help="Further images per group: the reference.", min=1)],
    reference: Annotated[Reference, typer.Option(help="Further images, or those of the experiment.")],
    short_group: Annotated[ShortGroup, typer.Option(help="What a group with too few images does.")],
    seed: Annotated[int, typer.Option(help="Seed of the choice.")],
    selection: Annotated[Path, typer.Option(help="CSV to write: one row a chosen image.")],
    groups: Annotated[Path, typer.Option(help="CSV to write: what each group has, gives and lacks.")],
    excluded: Annotated[Path, typer.Option(help="CSV to write: which files are not used, and why.")],
    folder: Annotated[Path | None, typer.Option(help="folder: where the images are.")] = None,
) -> None:
    """Choose PER_GROUP images of every group at random, and the reference.

    The tables are written even where a group runs short or a drawn file is broken, so that the user can look at them;
    `prepare` refuses such a selection.
    """
    table = csvs.read(catalogue)
    chosen, counts, defects = select(
        table,
        attributes,
        prompt,
        per_group=per_group,
        reference=reference,
        reference_per_group=reference_per_group,
        short_group=short_group,
        seed=seed,
        defect=lambda name: defect_of(folder and folder / name),
    )
    reasons = table["file_name"].map(defects)
    table = table.assign(
        excluded=table["excluded"].mask(reasons.notna(), "broken"),
        reason=table["reason"].mask(reasons.notna(), reasons),
    )
    unused = table.loc[table["excluded"] != "", ["file_name", "excluded", "reason"]]
    for path, content in ((selection, chosen), (groups, counts), (excluded, unused)):
        csvs.write(path, content)


if __name__ == "__main__":
    run(main)
