"""The site builds without a warning: every link leads to a page and a heading, and the library's API is in it."""

import os
import re
import subprocess

import pytest

from scripts.lib.base.code import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site strictly: a link into nowhere ends the build. With ``--quiet`` no warning would count."""
    folder = tmp_path_factory.mktemp("site")
    command = ["mkdocs", "build", "--strict", "--site-dir", folder]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def test_every_page_is_in_the_site(site):
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} | {"contributing", "changelog"}
    assert {name for name in pages if not (site / name / "index.html").is_file()} == set()
    assert "What it shows" in (site / "index.html").read_text(encoding="utf-8")


def test_the_api_has_every_public_function_of_the_library(site):
    shown = set()
    for page in site.glob("api/*/index.html"):
        shown |= set(re.findall(r'id="(scripts\.lib\.[\w.]+)"', page.read_text(encoding="utf-8")))
    for path in sorted((ROOT / "scripts/lib").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        public = re.findall(r"^(?:def|class) ([A-Za-z]\w*)", path.read_text(encoding="utf-8"), flags=re.M)
        assert {f"{module}.{name}" for name in public} <= shown


def test_a_file_that_a_page_names_is_in_the_site(site):
    assert (site / "config/paper.yaml").read_bytes() == (ROOT / "config/paper.yaml").read_bytes()
