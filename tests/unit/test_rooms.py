"""The house: rooms of one concern each, whose modules import only from rooms below their own."""

import ast
from pathlib import Path

import pytest

from scripts.lib.base.code import ROOT

LIBRARY = ROOT / "scripts/lib"
# From the bottom to the top.
ROOMS = ["base", "cluster", "experiment", "dataset", "engines", "training", "vision", "networks", "metrics", "scoring"]
ROOMS += ["rewards", "curation", "regimes", "figures", "weights", "planning"]
MODULES = sorted(path for path in LIBRARY.rglob("*.py") if path.name != "__init__.py")
PACKAGES = sorted(LIBRARY.rglob("__init__.py"))
LONGEST_FILE, LONGEST_FUNCTION = 300, 60


def name_of(path: Path) -> str:
    return path.relative_to(LIBRARY).as_posix()


def room_of(path: Path) -> str:
    parts = path.relative_to(LIBRARY).with_suffix("").parts
    return parts[0]


def imported(path: Path) -> set[str]:
    """Return the rooms from which a file imports, wherever in it the statement stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno} is a relative import"
            names = [f"{node.module}.{name}" for name in names]
        parts = [name.split(".") for name in names if name.startswith("scripts.lib.")]
        found |= {part[2] for part in parts}
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_lies_in_a_room_and_imports_only_that_room_and_rooms_below(path):
    room = room_of(path)
    assert room in ROOMS, "a new room has its place in the order of ROOMS"
    assert imported(path) <= set(ROOMS[: ROOMS.index(room) + 1])


@pytest.mark.parametrize("path", PACKAGES, ids=name_of)
def test_a_package_s_own_file_is_empty(path):
    assert path.read_text(encoding="utf-8").strip() == ""


def test_a_file_has_at_most_300_lines():
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: number for name, number in lines.items() if number > LONGEST_FILE} == {}


def test_a_function_has_at_most_60_lines():
    lines = {}
    for path in (ROOT / "scripts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                lines[f"{path.relative_to(ROOT)}:{node.name}"] = node.end_lineno - node.lineno + 1
    assert {name: number for name, number in lines.items() if number > LONGEST_FUNCTION} == {}
