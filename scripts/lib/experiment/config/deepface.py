"""Where DeepFace's networks lie."""

from pydantic import Field, field_validator

from scripts.lib.base.deepface import DEEPFACE_WEIGHTS
from scripts.lib.experiment.config.section import Section, Weights


class DeepFace(Section):
    """DeepFace's networks, if a label comes from there (ONNX; docs/dataset.md says how `downloads` brings them)."""

    weights: Weights = Field(description="Folder of the ONNX files, under the names that DeepFace gives them.")
    sha256: dict[str, str] = Field(
        {}, description="SHA-256 of the files by name; a file that differs stops the classification."
    )

    @field_validator("sha256")
    @classmethod
    def _names_are_deepfaces(cls, sha256: dict[str, str]) -> dict[str, str]:
        if unknown := set(sha256) - set(DEEPFACE_WEIGHTS.values()):
            raise ValueError(
                f"no file of DeepFace is called {sorted(unknown)}; {sorted(DEEPFACE_WEIGHTS.values())} are"
            )
        return sha256
