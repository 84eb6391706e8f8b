"""A digest of the code that a script runs, so that a change of it reruns what it must and nothing else."""

import ast
import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "scripts"


def digest(module: str) -> str:
    """Return a digest of a module of this repository and of all its modules that it imports.

    Comments, docstrings and formatting do not count. As a rule's parameter it is compared by
    Snakemake with that of the run before; unlike input files it does not depend on time stamps, so
    that results keep their worth in a fresh clone.

    Args:
        module: dotted name, such as ``scripts.generate``.
    """
    parts = [f"{name}\n{_source(name)}" for name in sorted(closure(module))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def digest_files(folder: Path) -> str:
    """Return a digest of the files of a folder that a script reads as part of its code, such as a page's template."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    parts = [f"{path.relative_to(folder).as_posix()}\n".encode() + path.read_bytes() for path in files]
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:16]


def closure(module: str) -> set[str]:
    """Return the names of a module and of every module of this repository that it imports, at any depth."""
    found, left = set(), [module]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _imports(name)
    return found


def _path(module: str) -> Path:
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_path(module).read_text(encoding="utf-8"))


@cache
def _source(module: str) -> str:
    tree = ast.parse(ast.unparse(_tree(module)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


@cache
def _imports(module: str) -> tuple[str, ...]:
    names = []
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(name for name in names if name.startswith(f"{PACKAGE}.") and _path(name).is_file())
