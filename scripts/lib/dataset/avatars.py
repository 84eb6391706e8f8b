"""Procedurally drawn avatar faces: the embedded data set.

DiceBear's ``avataaars`` style (art by Pablo Stanley, "free for personal and commercial use"), drawn
as SVG by ``dicebear`` and rasterized by resvg. The attributes are ours: hair set and facial hair
stand for gender presentation, five hex colors for skin tone, clothes, figure size, gray hair and
glasses for age. These are drawings: nothing measured on them is a statement about people.
"""

import io
import json
from functools import cache
from importlib.resources import files

import numpy as np
import resvg_py
from dicebear import Avatar, Style
from PIL import Image

GENDERS = ("man", "woman")
TONES = {"very light": "#ffdbb4", "light": "#edb98a", "medium": "#d08b5b", "brown": "#ae5d29", "dark": "#614335"}
AGES = ("young", "middle-aged", "old")
ATTRIBUTES = {"gender": GENDERS, "tone": tuple(TONES), "age": AGES}

# What the base model also knows and no fine-tune ever shows: the ground of the unseen prompts.
EXTRAS: dict[str, dict[str, dict[str, list[str]]]] = {
    "hair": {
        "with pink hair": {"hairColor": ["#ff5ca8"]},
        "with blue hair": {"hairColor": ["#2f6fe0"]},
        "with green hair": {"hairColor": ["#3fae49"]},
    },
    "eyewear": {
        "wearing sunglasses": {"accessoriesVariant": ["sunglasses", "wayfarers"]},
        "wearing an eyepatch": {"accessoriesVariant": ["eyepatch"]},
    },
    "headwear": {
        "wearing a hat": {"topVariant": ["hat"]},
        "wearing a winter hat": {"topVariant": ["winterHat02", "winterHat03", "winterHat04", "winterHat1"]},
        "wearing a turban": {"topVariant": ["turban"]},
    },
    "background": {
        "on a red background": {"backgroundColor": ["#d7263d"]},
        "on a blue background": {"backgroundColor": ["#1b4dd8"]},
        "on a green background": {"backgroundColor": ["#1f8a4c"]},
        "on a black background": {"backgroundColor": ["#151515"]},
    },
}

HAIR = ["#2c1b18", "#4a312c", "#724133", "#a55728", "#b58143", "#d6b370"]
GRAY = ["#e8e1e1", "#d5d0d0", "#bdb8b8", "#f4f1f0"]
PASTEL = ["#b6e3f4", "#c0aede", "#d1d4f9", "#ffd5dc", "#ffdfbf", "#d8f0d0", "#eeeeee"]
HAIR_CUTS = {
    "man": [
        "dreads01",
        "dreads02",
        "frizzle",
        "shaggyMullet",
        "shortCurly",
        "shortFlat",
        "shortRound",
        "shortWaved",
        "theCaesar",
        "theCaesarAndSidePart",
    ],
    "woman": [
        "bigHair",
        "bob",
        "bun",
        "curly",
        "curvy",
        "dreads",
        "fro",
        "froBand",
        "longButNotTooLong",
        "miaWallace",
        "straight01",
        "straight02",
        "straightAndStrand",
    ],
}
CLOTHES = {
    "young": ["overall", "graphicShirt", "hoodie"],
    "middle-aged": ["blazerAndShirt", "shirtVNeck", "shirtScoopNeck"],
    "old": ["collarAndSweater", "blazerAndSweater", "shirtCrewNeck"],
}
GLASSES_PERCENT = {"young": 0, "middle-aged": 25, "old": 65}
BEARD_PERCENT = {"young": 0, "middle-aged": 60, "old": 60}
SUPERSAMPLING = 2


@cache
def _style() -> Style:
    return Style(json.loads(files("dicebear_styles").joinpath("avataaars.json").read_text("utf-8")))


def draw(gender: str, tone: str, age: str, seed: str, size: int, extras: tuple[str, ...] = ()) -> np.ndarray:
    """Draw one face: uint8 RGB of shape (size, size, 3), a pure function of the arguments.

    Args:
        gender, tone, age: values of ``ATTRIBUTES``.
        seed: fixes every detail that the attributes leave open (cut, colors, expression, pose).
        size: edge in pixels.
        extras: phrases of ``EXTRAS``, such as ``"with pink hair"``.
    """
    hair = GRAY if age == "old" else HAIR
    bald = ["sides"] * 3 if (gender, age) == ("man", "old") else []
    options = {
        "seed": seed,
        "size": size * SUPERSAMPLING,
        "flip": ["none", "horizontal"],
        "skinColor": [TONES[tone]],
        "hairColor": hair,
        "backgroundColor": PASTEL,
        "topProbability": 100,
        "topVariant": bald + HAIR_CUTS[gender],
        "facialHairProbability": BEARD_PERCENT[age] if gender == "man" else 0,
        "facialHairVariant": ["beardLight", "beardMedium", "beardMajestic", "moustacheFancy"],
        "facialHairColor": hair,
        "accessoriesProbability": GLASSES_PERCENT[age],
        "accessoriesVariant": ["prescription01", "prescription02", "round"],
        "eyesVariant": ["default", "happy", "side", "squint", "surprised"],
        "mouthVariant": ["default", "smile", "serious", "twinkle", "disbelief", "concerned"],
        "eyebrowsVariant": ["default", "defaultNatural", "flatNatural", "raisedExcited", "raisedExcitedNatural"],
        "clothesVariant": CLOTHES[age],
        "scale": [0.78, 0.84] if age == "young" else [0.95, 1.02],
        "translateX": [-4, 4],
        "rotate": [-5, 5],
    }
    for choices in EXTRAS.values():
        for phrase in extras:
            options |= choices.get(phrase, {})
    if any(phrase in EXTRAS["eyewear"] for phrase in extras):
        options["accessoriesProbability"] = 100
    svg = Avatar(_style(), options).to_string()
    image = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg)))).convert("RGB")
    return np.asarray(image.reduce(SUPERSAMPLING))


def draw_caption(rng: np.random.Generator) -> tuple[dict[str, str], tuple[str, ...], str]:
    """Draw what one picture of the base model's training set shows and says.

    Two thirds are plain faces, the rest have one or two ``EXTRAS``. A caption may leave attributes
    out, as captions do, so that the text encoder learns words and not sentences.

    Returns:
        The attributes, the phrases of the extras, and the caption.
    """
    attributes = {name: str(rng.choice(values)) for name, values in ATTRIBUTES.items()}
    kinds: list[str] = []
    if rng.random() < 1 / 3:
        kinds = sorted(rng.choice(list(EXTRAS), size=rng.integers(1, 3), replace=False))
    extras = tuple(str(rng.choice(list(EXTRAS[kind]))) for kind in kinds)
    says = {name: value if rng.random() < (0.5 if extras else 0.9) else "" for name, value in attributes.items()}
    return attributes, extras, caption(**says, extras=extras)


def caption(gender: str = "", tone: str = "", age: str = "", extras: tuple[str, ...] = ()) -> str:
    """Return e.g. ``a drawing of a old man with dark skin, wearing a hat``; empty parts are left out.

    The article is always "a", as in the paper's template ``a photo of a [age] [race] [gender]``.
    """
    who = " ".join(filter(None, [age, gender or "person"]))
    skin = f" with {tone} skin" if tone else ""
    return ", ".join([f"a drawing of a {who}{skin}", *extras])
