"""The words that settings choose among, shared by the configuration and the command lines."""

from typing import Literal

Source = Literal["avatars", "folder"]
ShortGroup = Literal["error", "fewer", "duplicate"]
LabelSource = Literal["csv", "ffhq_features", "deepface"]
Unmapped = Literal["error", "drop"]
Broken = Literal["error", "skip"]
Mode = Literal["img2img", "txt2img"]
MixedPrecision = Literal["no", "fp16", "bf16"]
Rounding = Literal["total", "floor", "ceil", "nearest"]
Divergence = Literal["generated_real", "real_generated"]
Candidates = Literal["all", "group"]
OnReject = Literal["replace", "drop"]
Shortfall = Literal["error", "keep_best", "drop"]
Network = Literal["clip", "vae", "inception", "inception_192", "inception_64"]
VECTORS: tuple[Network, ...] = ("clip", "inception")  # One vector per image; the others give maps of many positions.
MAPS: tuple[Network, ...] = ("vae", "inception_192", "inception_64")
# Edges in pixels below which a network's map has less than the two positions that a Fréchet distance needs.
SMALLEST: dict[Network, int] = {"inception_192": 24, "inception_64": 9}
