"""What a cell was trained on, as the page shows it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from scripts.lib.curation.candidates import is_real


def training_of(
    training: pd.DataFrame, files: Mapping[str, Sequence[str]], line: Collection[str] = ()
) -> dict[str, Any]:
    """Say what a cell was trained on.

    Args:
        line: the arms that the cell descends from; generated images of others are marked. None: no image is.

    Returns:
        ``real`` and ``generated``: the numbers of images. ``origins``: those of the generated ones by who made them.
        ``slots``: for each group a letter per slot: ``r`` its real image, ``n`` a new real image, ``g`` its generated
        one, ``o`` another slot's generated one, ``x`` a generated one of another source, ``s`` several images, ``-``
        none.
    """
    names = training["file_name"].str.rpartition("/")[2]  # Rewritten images of several models lie in folders of a set.
    own, real = names == training["slot"], is_real(training)
    other = ~real & ~training["origin"].isin([*line]) & bool(line)
    new = training["images"].str.match(r"dataset/(seed-\d+/)?fresh/")
    letters = real.map({True: "r", False: "g"}).where(own, "o").mask(other, "x").mask(real & new, "n")
    by_slot = letters.groupby(training["slot"], sort=False)
    letter = by_slot.first().mask(by_slot.size() > 1, "s")
    return {
        "real": int(real.sum()),
        "generated": int((~real).sum()),
        "origins": training.loc[~real, "origin"].value_counts(sort=False).to_dict(),
        "slots": {group: "".join(letter.get(name, "-") for name in names) for group, names in files.items()},
    }
