"""Snakemake's report of a finished experiment, in a real browser."""

from pathlib import Path

from tests.browser.chromium import chromium
from tests.workflow.conftest import Project

RESULTS = "category => Object.values(categories[category]).flat().map(path => results[path].labels.result)"


def test_the_report_lists_the_results_of_every_category(finished: Project, tmp_path: Path):
    report = tmp_path / "report.html"
    made = finished.snakemake("--report", str(report))
    assert made.returncode == 0, made.stdout + made.stderr
    errors: list[str] = []
    shown = {}
    with chromium() as browser:
        page = browser.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(report.as_uri())
        for category in page.evaluate("Object.keys(categories)"):
            page.goto(report.as_uri())
            page.get_by_text(category, exact=True).click()
            shown[category] = page.evaluate(RESULTS, category)
            for result in shown[category]:
                page.get_by_role("cell", name=result, exact=True).wait_for(timeout=10_000)
    assert errors == []
    assert {name: len(results) for name, results in shown.items()} == {
        "1. Images": 5,
        "2. Scores": 7,
        "3. Data": 4,
        "4. Configuration and costs": 3,
    }
