"""Where weights come from."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from scripts.lib.experiment.config.section import Section


class Download(Section):
    """Where missing weights come from: a repository of the Hugging Face Hub, files of one, or a file."""

    repository: str | None = Field(None, description="Repository of the Hub, `owner/name`; brings a folder.")
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = Field(
        None, description="Its commit. A branch or a tag is refused, since it can change."
    )
    files: list[Annotated[str, Field(pattern=r"^[^*?\[]+$")]] | None = Field(
        None,
        min_length=1,
        description="With `repository`: the files to fetch, by their paths in it; none: a pipeline's or a network's "
        "configurations and safetensors.",
    )
    url: Annotated[str, Field(pattern=r"^(https?|file)://")] | None = Field(None, description="Address of a file.")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")] | None = Field(
        None, description="The file's SHA-256, or its first digits where only those are published."
    )

    @model_validator(mode="after")
    def _is_a_repository_or_a_file(self) -> Self:
        given = {key for key, value in self if value is not None}
        if given - {"files"} != {"repository", "revision"} and given != {"url", "sha256"}:
            raise ValueError("give `repository` and `revision` (and `files`), or `url` and `sha256`")
        return self
