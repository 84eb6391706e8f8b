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
OnReject = Literal["replace", "drop"]
Shortfall = Literal["error", "keep_best", "drop"]
Network = Literal["clip", "vae", "inception", "inception_192", "inception_64"]
VECTORS: tuple[Network, ...] = ("clip", "inception")  # One vector per image; the others give maps of many positions.
MAPS: tuple[Network, ...] = ("vae", "inception_192", "inception_64")
# Edges in pixels below which a network's map has less than the two positions that a Fréchet distance needs.
SMALLEST: dict[Network, int] = {"inception_192": 24, "inception_64": 9}
DEEPFACE_URL = "https://github.com/serengil/deepface_models/releases/download/v1.0"

# What DeepFace (0.0.103) calls its ONNX files and its labels; an age is a number.
DEEPFACE_WEIGHTS = {
    "gender": "gender_model_weights.onnx",
    "race": "race_model_single_batch.onnx",
    "age": "age_model_weights.onnx",
}
DEEPFACE_LABELS = {
    "gender": ["Woman", "Man"],
    "race": ["asian", "indian", "black", "white", "middle eastern", "latino hispanic"],
}
