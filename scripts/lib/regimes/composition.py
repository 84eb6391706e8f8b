"""Training sets from real and generated images (paper, section 2.3).

A training set is a table that names its images, one row each: in which image set below the results' folder it lies
(``images``) and under which name (``file_name``), which ``slot``, ``group`` and caption (``text``) it has, and who made
it: ``origin`` is ``real``, ``base`` or an arm, ``iteration`` is that of the model (0 for real images).
"""

import math
from collections.abc import Collection

import numpy as np
import pandas as pd

from scripts.lib.base.seeds import seed_of
from scripts.lib.curation.candidates import is_real
from scripts.lib.experiment.cell import REAL

COLUMNS = ["images", "file_name", "slot", "group", "text", "origin", "iteration"]
TYPES = {"iteration": int}
REAL_IMAGES = "dataset/images.zip"


def nearest(number: float) -> int:
    """Return the nearest whole number, a half up."""
    return math.floor(number + 0.5 + 1e-9)


def counts(sizes: pd.Series, share: float, rounding: str, draw: int) -> pd.Series:
    """Return how many generated images each group gets.

    Args:
        sizes: images per group, indexed by group.
        share: share of generated images, 0 to 1.
        rounding: ``total`` makes the whole set exact to the nearest image and gives the groups that
            get one more by the largest remainder, ties at random by ``draw``; ``floor``, ``ceil`` and
            ``nearest`` (half up) round in each group.
    """
    exact = sizes * share
    if rounding == "total":
        whole = np.floor(exact + 1e-9).astype(int)
        left = nearest(exact.sum()) - whole.sum()
        ties = np.random.default_rng(seed_of(draw, "rounding")).random(len(sizes))
        first = np.lexsort((ties, -(exact - whole).round(9)))[:left]
        whole.iloc[first] += 1
        return whole
    rules = {
        "floor": lambda values: np.floor(values + 1e-9),
        "ceil": lambda values: np.ceil(values - 1e-9),
        "nearest": lambda values: np.floor(values + 0.5 + 1e-9),
    }
    return rules[rounding](exact).astype(int)


def mix(real: pd.DataFrame, generated: pd.DataFrame, *, share: float, rounding: str, draw: int) -> pd.DataFrame:
    """Choose which slots train on their generated image and which on their real one.

    Slots are drawn from one permutation per group, so that at equal seeds the generated slots of a
    small share are among those of a larger one, in every arm.

    Args:
        real: table of the real set; its rows are the slots (``file_name``, ``group``, ``text``).
        generated: for each slot the generated image to use: ``slot, images, file_name, origin, iteration``. Slots
            that are missing here (rejected, and nothing takes their place) drop out where they should have been
            generated. Where a slot may have one of several, ``part`` says which part of the slots each set has.
        share, rounding: see ``counts``.
        draw: seed of the rounding's ties and of the permutations. Equal draws choose equal slots; each iteration
            has another one, so that no group gets the larger number of generated images every time.

    Returns:
        Columns ``COLUMNS``: one row per training image, in the order of the slots.
    """
    slots = of_real(real)
    synthetic = drawn(slots, share=share, rounding=rounding, draw=draw)
    one = one_per_slot(slots[synthetic], generated, draw)
    return pd.concat([slots[~synthetic], in_slots(slots[synthetic], one)]).sort_index()


def add(real: pd.DataFrame, generated: pd.DataFrame, *, share: float, rounding: str, draw: int) -> pd.DataFrame:
    """Return all real images, and of each generated image set the images of a share of the slots.

    Args:
        generated: the images that may train, of any number of sets; see ``mix``. Sets of one iteration share slots.
        share, rounding, draw: see ``mix``. Each set has other slots, drawn by ``draw`` and its iteration.

    Returns:
        Columns ``COLUMNS``: the real images, then the sets in the order of their iterations.
    """
    slots = of_real(real)
    parts = [slots]
    for iteration, images in generated.groupby("iteration", sort=True):
        seed, part = seed_of(draw, "set", str(iteration)), _parts(images).sum()
        of_this = slots[drawn(slots, share=share * part, rounding=rounding, draw=seed)]
        parts.append(in_slots(of_this, one_per_slot(of_this, images, seed)))
    return pd.concat(parts, ignore_index=True)


def drawn(slots: pd.DataFrame, *, share: float, rounding: str, draw: int) -> pd.Series:
    """Return which slots have a generated image, True or False by the index of ``slots``."""
    wanted = counts(slots.groupby("group", sort=False).size(), share, rounding, draw)
    rank = pd.Series(0, index=slots.index)
    for group, rows in slots.groupby("group", sort=False):
        rank[rows.index] = np.random.default_rng(seed_of(draw, "slots", str(group))).permutation(len(rows))
    return rank < slots["group"].map(wanted)


def one_per_slot(slots: pd.DataFrame, generated: pd.DataFrame, draw: int) -> pd.DataFrame:
    """Return the candidates of slots, one of each slot: of every image set its part of the slots, in each group alike.

    Args:
        slots: the slots that are to have a generated image.
        generated: candidates; ``part`` is the part of the slots that their set has, and may be left out where no slot
            has two.
        draw: seed of the choice.
    """
    if not generated["slot"].duplicated().any():
        return generated
    parts = _parts(generated)
    order = np.random.default_rng(seed_of(draw, "sources")).permutation(len(slots))
    left = slots.iloc[order][["slot", "group"]]
    chosen = []
    for number, (model, part) in enumerate(parts.items()):
        sizes = left.groupby("group", sort=False).size()
        take = counts(sizes, min(1.0, part / parts.iloc[number:].sum()), "total", seed_of(draw, "sources", number))
        mine = left.groupby("group", sort=False).cumcount() < left["group"].map(take)
        chosen.append(left.loc[mine, ["slot"]].assign(model=str(model)))
        left = left[~mine]
    every = generated.merge(pd.concat(chosen), on="slot")
    # An image of another slot has taken the place of one that curation has rejected, whichever model made it.
    taken = every["file_name"] != every["slot"]
    mine = (models_of(every["images"]) == every["model"]) & ~taken
    own_first = (~mine)[mine | taken].sort_values(kind="stable").index
    return every.loc[own_first].drop_duplicates("slot")


def models_of(images: pd.Series) -> pd.Series:
    """Return by which paths the image sets of each model are told apart: that of the first of several candidates."""
    return images.str.replace(r"/generated-\d+\.zip$", "/generated.zip", regex=True)


def _parts(generated: pd.DataFrame) -> pd.Series:
    """Return which part of the slots each model has, by ``models_of``; all of them where nothing else is said."""
    named = generated.assign(part=generated.get("part", 1.0), model=models_of(generated["images"]))
    return named.groupby("model", sort=False)["part"].first()


def in_slots(slots: pd.DataFrame, generated: pd.DataFrame) -> pd.DataFrame:
    """Return the generated images of these slots, columns ``COLUMNS``, indexed as the slots are."""
    places = generated[["slot", "images", "file_name", "origin", "iteration"]]
    rows = slots[["slot", "group", "text"]].reset_index(names="position").merge(places, on="slot")
    return rows.set_index("position").rename_axis(None)[COLUMNS]


def first_slots(real: pd.DataFrame, number: int | None) -> pd.DataFrame:
    """Return the first slots of each group, so that a smaller number has part of a larger one's; None: all.

    Which real image has which slot was drawn at random, so that the first ones are a random part.
    """
    return real if number is None else real.groupby("group", sort=False).head(number).reset_index(drop=True)


def of_real(real: pd.DataFrame) -> pd.DataFrame:
    """Return the real images as rows of a training set: each is the image of its own slot.

    Args:
        real: table of the real set; ``images`` names it below the results' folder, where it is not the usual one.
    """
    slots = real[["file_name", "group", "text"]].assign(slot=real["file_name"], images=real.get("images", REAL_IMAGES))
    return slots.assign(origin=REAL, iteration=0)[COLUMNS]


def without_real(training: pd.DataFrame, slots: Collection[str]) -> pd.DataFrame:
    """Return a training set without the real images of these slots, which curation has rejected."""
    return training[~is_real(training) | ~training["slot"].isin(slots)]


def composition_of(real: pd.DataFrame, training: pd.DataFrame, *, by_origin: bool = False) -> pd.DataFrame:
    """Count the images of a training set, one row for each group of the real set.

    Args:
        by_origin: whether to count the generated images of each origin too, in a column ``from <origin>``.

    Returns:
        ``group, real, generated``, and the columns of the origins.
    """
    groups, mine = pd.Index(real["group"].unique(), name="group"), is_real(training)
    kinds = mine.map({True: "real", False: "generated"})
    counts = pd.crosstab(training["group"], kinds).reindex(index=groups, columns=["real", "generated"], fill_value=0)
    if by_origin:
        origins = pd.crosstab(training.loc[~mine, "group"], "from " + training.loc[~mine, "origin"])
        counts = counts.join(origins.reindex(index=groups, fill_value=0))
    return counts.reset_index()
