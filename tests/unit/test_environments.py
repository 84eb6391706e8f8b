"""The environment of a rule has what its script imports: tests run with all packages at once and would not notice."""

import re
import subprocess
import sys

import pytest
import yaml

from scripts.lib.base.code import ROOT

LIGHT = ("images", "figures", "explorer", "classify")
# Packages whose modules have another name.
MODULES = {
    "pillow": "PIL",
    "scikit-image": "skimage",
    "vl-convert-python": "vl_convert",
    "dicebear-core": "dicebear",
    "dicebear-styles": "dicebear_styles",
    "resvg-py": "resvg_py",
    "opencv-contrib-python-headless": "cv2",
}
BROUGHT = {"jsonschema"}  # Altair and DiceBear need it themselves.
TOP_LEVEL = """
import sys
before = set(sys.modules)
import scripts.{}
print(*sorted({{name.partition(".")[0] for name in set(sys.modules) - before}}))
"""


def packages(environment: str) -> set[str]:
    text = (ROOT / f"envs/{environment}.yaml").read_text(encoding="utf-8")
    (pip,) = (part["pip"] for part in yaml.safe_load(text)["dependencies"] if isinstance(part, dict))
    return {MODULES.get(name, name) for name in (pin.partition("==")[0] for pin in pip)}


def everything() -> set[str]:
    return set().union(*(packages(path.stem) for path in (ROOT / "envs").glob("*.yaml")))


def scripts() -> list[tuple[str, str]]:
    """Return the script and the light environment of every rule that has one."""
    found = set()
    for path in sorted(ROOT.glob("rules/*.smk")):
        for body in re.split(r"^(?:use )?rule ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
            environment = re.search(r'"\.\./envs/(\w+)\.yaml"', body)
            script = re.search(r"python -m scripts\.(\w+)", body)
            if environment and script and environment[1] in LIGHT:
                found.add((script[1], environment[1]))
    return sorted(found)


@pytest.mark.parametrize(("script", "environment"), scripts())
def test_a_script_imports_what_its_environment_has(script, environment):
    command = [sys.executable, "-c", TOP_LEVEL.format(script)]
    imported = set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())
    assert imported & everything() <= packages(environment) | BROUGHT


def test_rules_are_found():
    assert {environment for _, environment in scripts()} == set(LIGHT)
