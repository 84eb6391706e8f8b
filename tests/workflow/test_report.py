"""Snakemake's report of a finished experiment, in a real browser."""

import pytest

from tests.browser.chromium import chromium
from tests.workflow.conftest import Project

RESULTS = "category => Object.values(categories[category]).flat().map(path => results[path].labels.result)"


@pytest.fixture(scope="module")
def report(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the report."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    made = finished.snakemake("--report", str(file))
    assert made.returncode == 0, made.stdout + made.stderr
    return file.as_uri()


def test_the_report_lists_the_results_of_every_category(report: str):
    errors: list[str] = []
    shown = {}
    with chromium() as browser:
        page = browser.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(report)
        for category in page.evaluate("Object.keys(categories)"):
            page.goto(report)
            page.get_by_text(category, exact=True).click()
            shown[category] = page.evaluate(RESULTS, category)
            for result in shown[category]:
                page.get_by_role("cell", name=result, exact=True).wait_for(timeout=10_000)
    assert errors == []
    assert {name: len(results) for name, results in shown.items()} == {
        "1. Images": 6,
        "2. Scores": 10,
        "3. Data": 5,
        "4. Configuration and costs": 3,
    }


def test_the_report_opens_with_the_picture_of_the_collapse(report: str):
    with chromium() as browser:
        page = browser.new_page()
        page.goto(report)
        picture = page.get_by_role("img", name="What each arm generates, iteration by iteration")
        picture.wait_for()
        assert picture.evaluate("image => image.naturalWidth") > 0
        assert page.locator("div#rulegraph").count() == 0
        head = page.locator(".prose p").first
        assert head.evaluate("paragraph => paragraph.getBoundingClientRect().top") >= 0


def test_the_report_lists_the_arms_one_a_line(report: str):
    with chromium() as browser:
        page = browser.new_page()
        page.goto(report)
        page.get_by_text("All arms start from").wait_for()
        assert page.locator("li:has(strong)").all_inner_texts() == [
            "real: synthetic 0, iterations 2",
            "poison-50: synthetic 0.5, iterations 2",
            "color-matched: synthetic 1.0, curate match_histograms, iterations 1",
            "culled: synthetic 1.0, curate cull, iterations 1",
            "healed: parent poison-50, from iteration 1, synthetic 0, iterations 1",
        ]
