"""A digest of the code that a script runs, so that a change of it reruns what it must and nothing else."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[3]


@cache  # Of a sweep's thousands of jobs most run the same code.
def digest(*modules: str) -> str:
    """Return a digest of modules of this repository and of all its modules that they import.

    Content counts and location does not: a module that moves or gets another name changes no digest, while a changed
    constant changes the digest of every script that imports it at any depth. Comments, docstrings, formatting, the
    order of imports, and imports for type checkers do not count. As a rule's parameter the digest is compared by
    Snakemake with that of the run before. Unlike input files it does not depend on time stamps, so that results keep
    their worth in a fresh clone.

    Args:
        modules: dotted names, such as ``scripts.generate``. A kind that a script finds by its name (a curation step, a
            metric) is named here too, since no import statement mentions it.

    Raises:
        ModuleNotFoundError: no file of this repository has that name.
        ValueError: modules import each other in a circle; the message names them.
    """
    around = set().union(*(closure(module) for module in modules))
    try:
        TopologicalSorter({name: {each.module for each in _imports(name)} for name in around}).prepare()
    except CycleError as error:
        raise ValueError(f"these modules import each other in a circle: {' -> '.join(error.args[1])}") from None
    packages = {package for name in around for package in _packages(name) if _text(package)}
    contents = {_content(name) for name in packages.union(modules)}
    return hashlib.sha256("\n".join(sorted(contents)).encode()).hexdigest()[:16]


def digest_files(folder: Path) -> str:
    """Return a digest of the files of a folder that a script reads as part of its code, such as a page's template."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    parts = [f"{path.relative_to(folder).as_posix()}\n".encode() + path.read_bytes() for path in files]
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:16]


def closure(module: str) -> set[str]:
    """Return the names of a module and of every module of this repository that Python runs when it is imported."""
    found, left = set[str](), [module]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [*_packages(name), *(each.module for each in _imports(name))]
    return found


class _Import(NamedTuple):
    """What one name of an import statement takes from this repository; ``name`` is None for a whole module."""

    module: str
    name: str | None
    alias: ast.alias


@cache
def _path(module: str) -> Path | None:
    """Return the file of a module or a package of this repository."""
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _packages(module: str) -> list[str]:
    """Return the packages around a module that have an ``__init__.py``; Python runs it first."""
    parts = module.split(".")
    names = [".".join(parts[:length]) for length in range(1, len(parts))]
    return [name for name in names if _path(name)]


def _parsed(module: str) -> ast.Module:
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(f"{module}: no such module below {ROOT}", name=module)
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _imports(module: str) -> tuple[_Import, ...]:
    return tuple(found for node in _statements(_parsed(module).body) for found in _imported_by(node, module))


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the statements of a block and of all blocks in it, without those for type checkers."""
    for node in body:
        if not _is_for_type_checkers(node):
            yield node
            for block in ("body", "orelse", "handlers", "finalbody", "cases"):
                yield from _statements(getattr(node, block, ()))


def _is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imported_by(node: ast.AST, module: str) -> Iterator[_Import]:
    """Yield what a statement of a module imports from this repository."""
    if isinstance(node, ast.Import):
        yield from (_Import(alias.name, None, alias) for alias in node.names if _path(alias.name))
    elif isinstance(node, ast.ImportFrom):
        is_package = _path(module) == ROOT.joinpath(*module.split("."), "__init__.py")
        package = module if is_package else module.rpartition(".")[0]
        base = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""
        for alias in node.names:
            if _path(f"{base}.{alias.name}"):
                yield _Import(f"{base}.{alias.name}", None, alias)
            elif _path(base):
                yield _Import(base, alias.name, alias)


@cache
def _content(module: str) -> str:
    return hashlib.sha256(_text(module).encode()).hexdigest()


@cache
def _text(module: str) -> str:
    """Return a module's code, in which the content of what it imports stands in the place of its name."""
    meanings = {}
    for found in _imports(module):
        meaning = f"{_content(found.module)}_{found.name}"
        meanings[found.alias.asname or found.alias.name] = meaning
    tree = _Translated(meanings, module).visit(_parsed(module))
    return "\n".join([ast.unparse(tree), *sorted(meanings.values())])


class _Translated(ast.NodeTransformer):
    """Leaves out docstrings, what is for type checkers and imports from this repository; translates imported names."""

    def __init__(self, meanings: dict[str, str], module: str) -> None:
        self.meanings = meanings
        self.module = module

    def _without_docstring(self, node: Any) -> ast.AST:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or ([] if isinstance(node, ast.Module) else [ast.Pass()])
        return self.generic_visit(node)

    visit_Module = visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = _without_docstring  # noqa: N815

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if _is_for_type_checkers(node) else self.generic_visit(node)

    def _without_ours(self, node: ast.Import | ast.ImportFrom) -> ast.AST | None:
        ours = {(each.alias.name, each.alias.asname) for each in _imported_by(node, self.module)}
        node.names = [alias for alias in node.names if (alias.name, alias.asname) not in ours]
        return node if node.names else None

    visit_Import = visit_ImportFrom = _without_ours  # noqa: N815

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.meanings.get(node.id, node.id)
        return node
