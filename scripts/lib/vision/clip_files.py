"""What a CLIP's folder says of how its images are made. Imports no torch."""

from pathlib import Path

from scripts.lib.base.safetensors_files import ModelError, read_json
from scripts.lib.vision.normalization import Normalization

# transformers' CLIPImageProcessor: what it does where preprocessor_config.json does not say it.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
BICUBIC = 3


def normalization(folder: Path) -> Normalization:
    """Return how a CLIP wants its images normalized, as its ``preprocessor_config.json`` says.

    Raises:
        ModelError: it wants images that are made in another way than here: resized bicubically to the tower's size.
    """
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        return Normalization(CLIP_MEAN, CLIP_DEVIATION)
    says = read_json(path)
    tower = (read_json(folder / "config.json").get("vision_config") or {}).get("image_size", 224)
    edge = says.get("size", tower)
    edge = next(iter(edge.values()), tower) if isinstance(edge, dict) else edge
    for key, value, wanted in (
        ("resample", says.get("resample", BICUBIC), BICUBIC),
        ("size", edge, tower),
        ("do_normalize", says.get("do_normalize", True), True),
    ):
        if value != wanted:
            raise ModelError(
                f"{path}: {key} is {value}, but images are resized bicubically to the tower's {tower} pixels and "
                "normalized here; give a CLIP that is used in this way"
            )
    return Normalization(tuple(says.get("image_mean", CLIP_MEAN)), tuple(says.get("image_std", CLIP_DEVIATION)))
