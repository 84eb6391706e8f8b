"""The digest of a script's code: what changes it, and that every rule carries it."""

import re

import pytest

from scripts.lib import code

SCRIPT = '''
"""A script."""
from scripts.lib.middle import f


def main():
    """Run."""
    return f()  # call
'''
MIDDLE = "from scripts.lib import leaf\n\ndef f():\n    return leaf.g()\n"
LEAF = "def g():\n    return 1\n"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A small repository in place of ours, and a function that changes a file and returns the script's digest."""
    (tmp_path / "scripts" / "lib").mkdir(parents=True)
    monkeypatch.setattr(code, "ROOT", tmp_path)

    def digest_with(name=None, content=""):
        files = {"run.py": SCRIPT, "lib/middle.py": MIDDLE, "lib/leaf.py": LEAF, "lib/other.py": LEAF}
        if name:
            files[name] = content
        for path, text in files.items():
            (tmp_path / "scripts" / path).write_text(text)
        for cached in (code._tree, code._source, code._imports):
            cached.cache_clear()
        return code.digest("scripts.run")

    yield digest_with
    for cached in (code._tree, code._source, code._imports):
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
    ],
)
def test_comments_docstrings_format_and_other_modules_do_not_count(tree, name, content):
    assert tree(name, content) == tree()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.py", SCRIPT.replace("return f()", "return f() + 1")),
        ("run.py", SCRIPT.replace("return f()", "from scripts.lib import other\n    return f()")),
        ("lib/middle.py", MIDDLE.replace("leaf.g()", "-leaf.g()")),
        ("lib/leaf.py", LEAF.replace("1", "2")),
        ("lib/leaf.py", LEAF.replace("return 1", "return '1'")),
    ],
)
def test_code_counts_at_any_depth_of_imports(tree, name, content):
    assert tree(name, content) != tree()


def test_the_closure_of_a_real_script_follows_its_imports():
    closure = code.closure("scripts.compose")
    assert {"scripts.compose", "scripts.cli", "scripts.lib.compose", "scripts.lib.atomic"} <= closure
    assert "scripts.lib.finetuning" not in closure


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


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_carries_the_digest_of_the_scripts_that_it_runs(rule):
    if rule in WITHOUT:
        pytest.skip(WITHOUT[rule])
    run = set(re.findall(r"python -m (scripts\.\w+)", RULES[rule]))
    assert set(re.findall(r'digest\("([\w.]+)"\)', RULES[rule])) == run
    assert all(code.ROOT.joinpath(*name.split(".")).with_suffix(".py").is_file() for name in run)
