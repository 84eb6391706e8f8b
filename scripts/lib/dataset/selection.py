"""Which candidates the experiment uses: drawn at random group by group, counted, and refused where they do not do."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from scripts.lib.base.seeds import seed_of
from scripts.lib.dataset.catalogue import Attributes, refuse_faults
from scripts.lib.experiment.groups import groups

ROLES = ("images", "reference")


def select(
    catalogue: pd.DataFrame,
    attributes: Attributes,
    prompt: str,
    *,
    per_group: int,
    reference: str,
    reference_per_group: int,
    short_group: str,
    seed: int,
    defect: Callable[[str], str] = lambda _: "",
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """Choose images per group at random, first the experiment's, then the reference.

    The reference is further images (``disjoint``), or the experiment's own, each once (``matched``). A group that runs
    short gives what it has, a disjoint reference going short first. With ``short_group: duplicate`` the experiment's
    images repeat within the group. ``refuse`` says whether the result will do.

    Args:
        catalogue: ``file_name`` and ``group`` of the candidates.
        defect: as in ``draw``.

    Returns:
        The selection, one row per image (``file_name`` unique in a role, ``source``, attributes, ``group``, ``text``,
        ``role``); the table of groups, as ``count`` gives it; the files at fault with what is wrong.
    """
    chosen, counts = [], []
    defects: dict[str, str] = {}
    for name, values in groups(attributes).items():
        group = values | {"group": name}
        candidates = catalogue.loc[catalogue["group"] == name, "file_name"].tolist()
        wanted = per_group + reference_per_group * (reference == "disjoint")
        drawn, faulty = draw(candidates, wanted, seed_of(seed, "select", name), defect)
        images, compared = drawn[:per_group], drawn[per_group:] if reference == "disjoint" else drawn
        if short_group == "duplicate":
            images = list(itertools.islice(itertools.cycle(images), per_group))
        defects |= faulty
        found = len(candidates) - len(faulty)
        counts.append(group | count(found, images, compared, wanted - len(drawn)))
        text = prompt.format_map(group)
        for role, sources in zip(ROLES, (images, compared), strict=True):
            for number, source in enumerate(sources):
                row = {"file_name": f"{name}-{number:04d}.png", "source": source, **group, "text": text, "role": role}
                chosen.append(row)
    columns = ["file_name", "source", *attributes, "group", "text", "role"]
    return pd.DataFrame(chosen, columns=columns), pd.DataFrame(counts), defects


def draw(
    candidates: Sequence[str], number: int, seed: int, defect: Callable[[str], str]
) -> tuple[list[str], dict[str, str]]:
    """Draw files in an order that depends on the seed and on the candidates, not on their order.

    Args:
        number: how many are wanted.
        defect: says what is wrong with a file, or nothing. It is asked only of files that are drawn; the next file
            takes the place of one that it faults.

    Returns:
        At most ``number`` files, and the files at fault with what is wrong.
    """
    drawn: list[str] = []
    faulty: dict[str, str] = {}
    for file_name in np.random.default_rng(seed).permutation(np.array(sorted(candidates), dtype=object)):
        if len(drawn) == number:
            break
        if fault := defect(file_name):
            faulty[file_name] = fault
        else:
            drawn.append(file_name)
    return drawn, faulty


def count(found: int, images: Sequence[str], reference: Sequence[str], missing: int) -> dict[str, int]:
    """Return a group's numbers: found (without files at fault), used in each role, distinct images, missing."""
    return {
        "found": found,
        "images": len(images),
        "reference": len(reference),
        "distinct_images": len(set(images)),
        "missing": missing,
    }


def refuse(counts: pd.DataFrame, excluded: pd.DataFrame, *, short_group: str, broken: str) -> None:
    """Refuse a selection that the experiment cannot use.

    Args:
        counts: the table of groups.
        excluded: ``file_name``, ``excluded`` and ``reason`` of the files that are not used.

    Raises:
        ValueError: a file is broken, under ``broken: error``; a group has no image at all, or runs short under
            ``short_group: error`` (all such groups are named); no group has an image left for the reference.
    """
    if broken == "error":
        refuse_faults(excluded[excluded["excluded"] == "broken"])
    short = counts[(counts["found"] == 0) | ((counts["missing"] > 0) & (short_group == "error"))]
    if len(short):
        rows = short.itertuples()
        lines = [f"group {row.group}: {row.found} images found, {row.missing} more wanted" for row in rows]
        raise ValueError(
            f"{lines[0]}; add images, lower dataset.per_group or dataset.reference_per_group"
            + ", or set dataset.short_group to fewer or duplicate" * bool(short["found"].all())
            + _not_used(excluded)
            + "".join(f"\n{line}" for line in lines[1:])
        )
    if not counts["reference"].any():
        raise ValueError(
            "no group has more images than dataset.per_group, so none are left for the scoring reference; add images, "
            "lower dataset.per_group, or set dataset.reference to matched" + _not_used(excluded)
        )


def _not_used(excluded: pd.DataFrame) -> str:
    """Say how many files are not used, and of the first five which and why."""
    if excluded.empty:
        return ""
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in excluded["excluded"].value_counts().items())
    shown = "; ".join(f"{row.file_name!r}: {row.reason}" for row in excluded.head(5).itertuples())
    return f". Not used are {kinds} (dataset/excluded.csv names them all): {shown}{'; ...' * (len(excluded) > 5)}"
