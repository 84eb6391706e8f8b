"""Fresh real images: further sets of the same groups, each disjoint from all before and from the reference."""

from collections.abc import Callable

import pandas as pd

from scripts.lib.base.seeds import seed_of
from scripts.lib.dataset.selection import draw


def fresh_set(
    catalogue: pd.DataFrame,
    selection: pd.DataFrame,
    number: int,
    sets: int,
    *,
    seed: int,
    defect: Callable[[str], str] = lambda _: "",
) -> pd.DataFrame:
    """Draw one of several sets of real images that have the slots of the experiment's images.

    A set depends on its number and on those before it, not on how many follow.

    Args:
        catalogue: ``file_name`` and ``group`` of the candidates.
        selection: the experiment's images and its reference, as ``select`` returns them.
        number: which set to draw, from 1.
        sets: how many sets the experiment needs.
        defect: says what is wrong with a file, or nothing.

    Returns:
        The rows of the experiment's images, with ``source`` replaced by the set's images; ``role`` left out.

    Raises:
        ValueError: names each group that has too few images for all sets.
    """
    images = selection[selection["role"] == "images"].drop(columns="role")
    taken = set(selection["source"])
    parts, short = [], []
    for group, rows in images.groupby("group", sort=False):
        left = [name for name in catalogue.loc[catalogue["group"] == group, "file_name"] if name not in taken]
        drawn, faulty = draw(left, sets * len(rows), seed_of(seed, "fresh", str(group)), defect)
        mine = drawn[(number - 1) * len(rows) : number * len(rows)]
        if (missing := sets * len(rows) - len(drawn)) > 0:
            short.append(f"group {group}: {len(left) - len(faulty)} further images found, {missing} more wanted")
        else:
            parts.append(rows.assign(source=mine))
    if short:
        raise ValueError(
            f"{short[0]}; add images, lower dataset.per_group or dataset.reference_per_group, or give arms with `real: "
            f"fresh` fewer iterations ({sets + 1} iterations need {sets} further sets)"
            + "".join(f"\n{line}" for line in short[1:])
        )
    return pd.concat(parts)
