"""Links between the pages lead somewhere: to a file that exists, and to a heading that it has."""

import re
from pathlib import Path

import pytest

from scripts.lib.base.code import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "models").rglob("*.md"))]


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links() -> list[tuple[Path, str]]:
    found = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^)\s]+)\)", prose(page))]
    return [(page, link) for page, link in found if not re.match(r"https?:", link)]


@pytest.mark.parametrize(("page", "link"), links(), ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_a_link_leads_to_a_file_and_a_heading(page, link):
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.exists(), f"{page.name}: {link}"
    assert not anchor or anchor in anchors(target), f"{page.name}: {link}; headings: {sorted(anchors(target))}"


def test_the_readme_is_read_in_a_minute():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_every_page_is_reached_from_the_readme():
    linked = {(page.parent / link.partition("#")[0]).resolve() for page, link in links() if page.name == "README.md"}
    assert {page for page in PAGES if page.parent.name == "docs"} <= linked
