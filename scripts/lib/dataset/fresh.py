"""Fresh real images: further sets of the same groups, each disjoint from all before and from the reference."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from scripts.lib.base.seeds import seed_of
from scripts.lib.dataset.selection import draw


def draw_sets(
    catalogue: pd.DataFrame,
    selection: pd.DataFrame,
    sets: int,
    *,
    seed: int,
    defect: Callable[[str], str] = lambda _: "",
) -> pd.DataFrame:
    """Draw sets of real images that have the slots of the experiment's images.

    A set depends on its number and on those before it, not on how many follow.

    Args:
        catalogue: ``file_name`` and ``group`` of the candidates.
        selection: the experiment's images and its reference, as ``select`` returns them.
        sets: how many sets the experiment needs.
        defect: says what is wrong with a file, or nothing.

    Returns:
        For each set the rows of the experiment's images, with ``source`` replaced by the set's images, and ``number``,
        which set it is, from 1, in the place of ``role``.

    Raises:
        ValueError: names each group that has too few images for all sets.
    """
    images, taken = _images(selection), set(selection["source"])
    files, short = dict[str, list[str]](), []
    for group, rows in images.groupby("group", sort=False):
        left = [name for name in catalogue.loc[catalogue["group"] == group, "file_name"] if name not in taken]
        drawn, faulty = draw(left, sets * len(rows), seed_of(seed, "fresh", str(group)), defect)
        files[str(group)] = drawn
        if (missing := sets * len(rows) - len(drawn)) > 0:
            short.append(f"group {group}: {len(left) - len(faulty)} further images found, {missing} more wanted")
    if short:
        raise ValueError(
            f"{short[0]}; add images, lower dataset.per_group or dataset.reference_per_group, or give arms with `real: "
            f"fresh` fewer iterations ({sets + 1} iterations need {sets} further sets)"
            + "".join(f"\n{line}" for line in short[1:])
        )
    return _in_slots(images, files, sets)


def avatar_sets(catalogue: pd.DataFrame, further: pd.DataFrame, selection: pd.DataFrame, sets: int) -> pd.DataFrame:
    """Return sets of avatars that the catalogue does not list, in the order of their numbers.

    Avatars of any number can be drawn, each by itself: a draw among them would only make a set depend on how many there
    are to draw from.

    Args:
        catalogue: ``file_name`` of those among which the selection was made.
        further: ``file_name`` and ``group`` of these and as many more as are needed.
        selection, sets: as in ``draw_sets``.

    Returns:
        As ``draw_sets``.
    """
    new = further[~further["file_name"].isin(catalogue["file_name"])]
    files = {str(group): rows["file_name"].tolist() for group, rows in new.groupby("group", sort=False)}
    return _in_slots(_images(selection), files, sets)


def _images(selection: pd.DataFrame) -> pd.DataFrame:
    return selection[selection["role"] == "images"].drop(columns="role")


def _in_slots(images: pd.DataFrame, files: Mapping[str, Sequence[str]], sets: int) -> pd.DataFrame:
    """Give the slots of each group the next of its files, set by set."""
    parts = [
        rows.assign(source=files[str(group)][(number - 1) * len(rows) : number * len(rows)], number=number)
        for number in range(1, sets + 1)
        for group, rows in images.groupby("group", sort=False)
    ]
    return pd.concat(parts)
