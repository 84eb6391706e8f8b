"""Write the configuration's reference and its JSON schema from the models."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base.atomic import replacing
from scripts.lib.experiment import reference


def main(
    markdown: Annotated[Path, typer.Option(help="The reference to write.")] = Path("docs/configuration.md"),
    schema: Annotated[Path, typer.Option(help="The schema to write.")] = Path("schemas/config.schema.json"),
) -> None:
    """Write what docs/configuration.md and schemas/config.schema.json must say after a change of the models."""
    for path, text in ((markdown, reference.markdown()), (schema, reference.schema_text())):
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run(main)
