"""The words that settings choose among, shared by the configuration and the command lines."""

from typing import Literal

Source = Literal["avatars", "folder"]
Replicate = Literal["noise", "data"]
Reference = Literal["disjoint", "matched"]
ShortGroup = Literal["error", "fewer", "duplicate"]
LabelSource = Literal["csv", "ffhq_features", "deepface"]
Unmapped = Literal["error", "drop"]
Broken = Literal["error", "skip"]
Mode = Literal["img2img", "txt2img"]
NoiseLevels = Literal["published", "uniform", "logit_normal"]
MixedPrecision = Literal["no", "fp16", "bf16"]
Dtype = Literal["float32", "bfloat16", "float16"]
Optimizer = Literal["adamw", "adamw_8bit"]
Rounding = Literal["total", "floor", "ceil", "nearest"]
