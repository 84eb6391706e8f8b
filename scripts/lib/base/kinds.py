"""The kinds of a room, such as the steps of curation: a module each, found by its name."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


@cache
def kinds(room: str, mark: str = "Settings") -> dict[str, ModuleType]:
    """Return the modules of a room of ``scripts.lib`` that are kinds, by name: those that define ``mark``.

    A new file is thus a new kind, and no list needs to know of it. Docs/extending.md says what a kind of each room
    defines besides. A kind imports what is slow to import (torch, skimage) where it computes, since the workflow
    imports all kinds to check the configuration.
    """
    package = import_module(f"scripts.lib.{room}")
    names = sorted(module.name for module in iter_modules(package.__path__))
    modules = {name: import_module(f"scripts.lib.{room}.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, mark)}


def summary(kind: ModuleType) -> str:
    """Return the first line of what a kind says of itself."""
    return (kind.__doc__ or "").strip().partition("\n")[0]
