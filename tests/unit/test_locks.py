"""The lock of an environment has what it pins and all that this needs, by hash; `make lock` writes it."""

import re
from importlib.metadata import distribution

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.lib.base.code import ROOT

ENVIRONMENTS = sorted(path.stem for path in (ROOT / "envs").glob("*.yaml"))
STALE = "run `make lock`, and commit what it writes"


def pins(environment: str) -> dict[str, str]:
    """Return the versions that an environment pins."""
    dependencies = yaml.safe_load((ROOT / f"envs/{environment}.yaml").read_text(encoding="utf-8"))["dependencies"]
    return dict(pin.split("==") for pin in dependencies[-1]["pip"])


def entries(environment: str) -> list[str]:
    """Return the entries of a lock: a package with its version, its marker and its hashes."""
    text = (ROOT / f"envs/{environment}.lock.txt").read_text(encoding="utf-8").replace("\\\n", "")
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


def locked(environment: str) -> dict[str, str]:
    """Return the versions that a lock has for this machine."""
    found: dict[str, str] = {}
    for entry in entries(environment):
        requirement = Requirement(entry.partition("--hash")[0].strip())
        if requirement.marker is None or requirement.marker.evaluate():
            found[canonicalize_name(requirement.name)] = str(requirement.specifier).removeprefix("==")
    return found


def needed(requirements: list[str], extras: set[str]) -> list[Requirement]:
    """Return the requirements that hold on this machine, under one of these extras or none."""

    def holds(marker: Marker | None) -> bool:
        return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""})

    return [each for each in map(Requirement, requirements) if holds(each.marker)]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_lock_has_each_pin(environment):
    versions = locked(environment)
    assert {name: versions.get(canonicalize_name(name)) for name in pins(environment)} == pins(environment), STALE


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_lock_has_a_hash_of_each_package(environment):
    assert [entry for entry in entries(environment) if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)] == []


def test_locks_agree_on_each_version():
    every = [item for environment in ENVIRONMENTS for item in locked(environment).items()]
    assert len(dict(every)) == len(set(every)), STALE


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_lock_has_what_its_packages_need_and_nothing_else(environment):
    """By what the packages that are installed here say of themselves, from the pins on."""
    versions = locked(environment)
    reached: dict[str, set[str]] = {}
    waiting = [Requirement(name) for name in pins(environment)]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in reached and requirement.extras <= reached[name]:
            continue
        reached[name] = reached.get(name, set()) | requirement.extras
        assert name in versions, f"{name}: {STALE}"
        assert requirement.specifier.contains(versions[name], prereleases=True), f"{requirement}: {STALE}"
        waiting += needed(distribution(name).requires or [], reached[name])
    assert set(versions) == set(reached), STALE


def test_the_tests_run_in_what_is_locked():
    every = {name: version for environment in ENVIRONMENTS for name, version in locked(environment).items()}
    assert {name: distribution(name).version for name in every} == every, "run `make setup`"


def test_no_lock_is_left_of_an_environment_that_is_gone():
    assert {path.name.removesuffix(".lock.txt") for path in (ROOT / "envs").glob("*.lock.txt")} == set(ENVIRONMENTS)
