"""The digest of a script's code: what changes it, and that every rule carries it."""

import re
import shutil

import pytest

from scripts.lib.base import code

SCRIPT = '''
"""A script."""
from scripts.lib.middle import f


def main():
    """Run."""
    return f()  # call
'''
MIDDLE = "from scripts.lib import leaf\n\ndef f():\n    return leaf.g()\n"
LEAF = "LIMIT = 1\n\ndef g():\n    return LIMIT\n"
SMALL = {
    "scripts/run.py": SCRIPT,
    "scripts/lib/middle.py": MIDDLE,
    "scripts/lib/leaf.py": LEAF,
    "scripts/lib/other.py": LEAF,
}
CACHED = (code._path, code._imports, code._text, code._content, code.digest)


@pytest.fixture
def digest_of(tmp_path, monkeypatch):
    """Return a function that makes a small repository of files in place of ours, and returns the script's digest."""
    monkeypatch.setattr(code, "ROOT", tmp_path)

    def digest_of(files, module="scripts.run"):
        shutil.rmtree(tmp_path / "scripts", ignore_errors=True)
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        for cached in CACHED:
            cached.cache_clear()
        return code.digest(module)

    yield digest_of
    for cached in CACHED:
        cached.cache_clear()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.py", SCRIPT.replace("# call", "# another comment")),
        ("run.py", SCRIPT.replace('"""Run."""', '"""Run it,\n\n    and say so."""')),
        ("run.py", SCRIPT.replace('"""A script."""\n', "")),
        ("run.py", SCRIPT.replace("return f()", "return (\n        f( )\n    )")),
        ("lib/leaf.py", '"""A leaf."""\n\n\n' + LEAF),
        ("lib/other.py", "def g():\n    return 2\n"),
        ("lib/__init__.py", '"""A package that does nothing."""\n'),
        (
            "run.py",
            SCRIPT.replace(
                "from", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import scripts.lib.other\nfrom"
            ),
        ),
    ],
)
def test_comments_docstrings_format_and_other_modules_do_not_count(digest_of, name, content):
    without = SMALL | {"scripts/run.py": content.replace("    import scripts.lib.other\n", "    import typing\n")}
    before = without if "TYPE_CHECKING" in content else SMALL
    assert digest_of(SMALL | {f"scripts/{name}": content}) == digest_of(before)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.py", SCRIPT.replace("return f()", "return f() + 1")),
        ("run.py", SCRIPT.replace("return f()", "from scripts.lib import other\n    return f()")),
        ("run.py", SCRIPT.replace("import f", "import f as g").replace("return f()", "return g")),
        ("lib/middle.py", MIDDLE.replace("leaf.g()", "-leaf.g()")),
        ("lib/leaf.py", LEAF.replace("1", "2")),
        ("lib/leaf.py", LEAF.replace("return LIMIT", "return 'LIMIT'")),
        ("lib/__init__.py", "import gc\n\ngc.disable()\n"),
    ],
)
def test_code_counts_at_any_depth_of_imports(digest_of, name, content):
    assert digest_of(SMALL | {f"scripts/{name}": content}) != digest_of(SMALL)


def test_another_module_of_the_same_names_counts(digest_of):
    both = SCRIPT.replace("return f()", "import scripts.lib.other\n    return f()")
    files = SMALL | {"scripts/run.py": both, "scripts/lib/other.py": LEAF.replace("1", "2")}
    exchanged = files | {"scripts/lib/middle.py": MIDDLE.replace("import leaf", "import other as leaf")}
    assert digest_of(files) != digest_of(exchanged)


PACKAGE = {
    "scripts/run.py": "from scripts.lib.room import f\n\nprint(f())\n",
    "scripts/lib/room/__init__.py": "from scripts.lib.room.deep import f\n",
    "scripts/lib/room/deep.py": "from . import beside\nfrom .beside import g\n\ndef f():\n    return g() + beside.K\n",
    "scripts/lib/room/beside.py": "from ..base import K\n\ndef g():\n    return 1\n",
    "scripts/lib/base.py": "K = 1\n",
}


@pytest.mark.parametrize("name", ["room/deep.py", "room/beside.py", "base.py", "room/__init__.py"])
def test_imports_through_packages_and_relative_ones_are_followed(digest_of, name):
    path = f"scripts/lib/{name}"
    assert digest_of(PACKAGE | {path: PACKAGE[path] + "\nX = 2\n"}) != digest_of(PACKAGE)
    assert f"scripts.lib.{name[:-3].replace('/', '.').removesuffix('.__init__')}" in code.closure("scripts.run")


def test_a_module_that_moves_and_gets_another_name_changes_nothing(digest_of):
    moved = {
        "scripts/start.py": SCRIPT.replace("scripts.lib.middle", "scripts.lib.room.center"),
        "scripts/lib/room/__init__.py": "",
        "scripts/lib/room/center.py": "from ..floor import base\n\ndef f():\n    return base.g()\n",
        "scripts/lib/floor/base.py": LEAF,
    }
    assert digest_of(moved, "scripts.start") == digest_of(SMALL)
    beside = moved | {"scripts/lib/room/center.py": moved["scripts/lib/room/center.py"].replace("base.g", "base.LIMIT")}
    assert digest_of(beside, "scripts.start") != digest_of(SMALL)


def test_a_circle_is_named(digest_of):
    with pytest.raises(ValueError, match=r"circle: .*scripts\.lib\.leaf"):
        digest_of(SMALL | {"scripts/lib/leaf.py": "from scripts.lib import middle\n" + LEAF})


def test_a_module_that_is_not_there_is_named(digest_of):
    with pytest.raises(ModuleNotFoundError, match=r"scripts\.nothing: no such module"):
        digest_of(SMALL, "scripts.nothing")


def test_the_closure_of_a_real_script_follows_its_imports():
    closure = code.closure("scripts.compose")
    assert {
        "scripts",
        "scripts.compose",
        "scripts.cli",
        "scripts.lib.regimes.composition",
        "scripts.lib.base.atomic",
    } <= closure
    assert "scripts.lib.training.finetuning" not in closure


def test_files_count_by_name_and_content(tmp_path):
    def digest_with(**files: str) -> str:
        for path in tmp_path.iterdir():
            path.unlink()
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        return code.digest_files(tmp_path)

    first = digest_with(a="1", b="2")
    assert first == digest_with(b="2", a="1")
    assert len({first, digest_with(a="1"), digest_with(a="1", c="2"), digest_with(a="1", b="3")}) == 4


RULES = {
    f"{path.name}:{name}": body
    for path in sorted(code.ROOT.glob("rules/*.smk"))
    for name, body in re.findall(
        r"^(?:rule|checkpoint) (\w+):\n((?:(?: .*)?\n)+)", path.read_text() + "\n", re.MULTILINE
    )
}


def test_all_rules_are_found():
    text = "".join(path.read_text() for path in code.ROOT.glob("rules/*.smk"))
    assert sum(body.count("python -m scripts.") for body in RULES.values()) == text.count("python -m scripts.") > 10


WITHOUT = dict.fromkeys(
    ["downloads.smk:download_repository", "downloads.smk:download_file"], "the pin decides what is fetched"
) | dict.fromkeys(["inspect.smk:plan", "inspect.smk:status"], "it has no output and runs each time")
WITHOUT |= {
    "downloads.smk:check_weights": "the jobs that load the weights hang on it, and other checks change no result",
    "downloads.smk:check_scheduler": "the jobs that generate hang on it, and another trial changes no image",
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_carries_the_digest_of_the_scripts_that_it_runs(rule):
    if rule in WITHOUT:
        pytest.skip(WITHOUT[rule])
    run = set(re.findall(r"python -m (scripts\.\w+)", RULES[rule]))
    assert set(re.findall(r'digest\(\s*"([\w.]+)"', RULES[rule])) == run
    assert all(code.ROOT.joinpath(*name.split(".")).with_suffix(".py").is_file() for name in run)


@pytest.mark.parametrize("rule", RULES)
def test_no_parameter_mixes_settings_with_inputs(rule):
    """Snakemake does not compare a parameter that is a function of `input`: a setting in it would not count."""
    parameters = re.findall(
        r"^        \w+=lambda wildcards, (?:input|output):((?:.*\n)(?:            .*\n|        \).*\n)*)",
        RULES[rule],
        re.M,
    )
    for body in parameters:
        assert not re.search(r"\b(?!BASE\b)[A-Z]{3,}", body.replace("EXPERIMENT, this", "")), body


def test_no_block_of_a_run_replaces_another():
    """Of several `onstart`, `onsuccess` or `onerror` blocks Snakemake keeps the last without a word."""
    text = "".join(path.read_text() for path in [code.ROOT / "Snakefile", *code.ROOT.glob("rules/*.smk")])
    blocks = re.findall(r"^(on(?:start|success|error)):", text, re.MULTILINE)
    assert len(blocks) == len(set(blocks)) > 0
