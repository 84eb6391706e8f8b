"""What the site has beside docs/: the README and its neighbors, files that pages name, and the API of scripts/lib."""

import posixpath
import re
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "scripts/lib"
NEIGHBORS = {path.name: f"{path.stem.lower()}.md" for path in ROOT.glob("*.md")} | {"README.md": "index.md"}
CONFIGURATIONS = [path.relative_to(ROOT).as_posix() for path in (ROOT / "config").glob("*.yaml")]


def rooms() -> dict[str, list[str]]:
    """Return the modules of each room of the library, by their dotted names."""
    modules: dict[str, list[str]] = {}
    for path in sorted(LIBRARY.rglob("*.py")):
        if path.name != "__init__.py":
            parts = path.relative_to(ROOT).with_suffix("").parts
            modules.setdefault(parts[2], []).append(".".join(parts))
    return modules


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add a page per room to the navigation."""
    config.nav = [*(config.nav or []), {"Library": [{room: f"api/{room}.md"} for room in rooms()]}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and files that lie outside docs/."""
    for name, page in NEIGHBORS.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    for name in CONFIGURATIONS:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    for room, modules in rooms().items():
        text = "\n\n".join([f"# {room}", *(f"::: {module}" for module in modules)])
        files.append(File.generated(config, f"api/{room}.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turn the links of a page, which fit the repository, into links of the site."""
    if page.file.src_uri.startswith("api/"):
        return markdown
    folder = "" if page.file.src_uri in NEIGHBORS.values() else "docs"
    return re.sub(r"(?<=\]\()(?!https?:|#)([^)#\s]+)", moved(folder), markdown)


def moved(folder: str) -> Callable[[re.Match[str]], str]:
    """Return the change of a link that stands in a page of this folder of the repository."""

    def change(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, match[1]))
        if module := re.fullmatch(r"scripts/lib/(\w+)/(.+)\.py", path):
            return f"api/{module[1]}.md#scripts.lib.{module[1]}.{module[2].replace('/', '.')}"
        return NEIGHBORS.get(path, path.removeprefix("docs/"))

    return change
