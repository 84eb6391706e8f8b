"""docs/paper.md names keys, rules and functions that exist, with the values that config/paper.yaml has."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from scripts.lib.base.code import ROOT
from scripts.lib.engines.engine import engine_of
from scripts.lib.experiment.config.load import load
from scripts.lib.planning.plan import architecture, plan

PAPER = load(yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8")))
LIBRARY = ROOT / "scripts/lib"
METHODS = (ROOT / "docs/paper.md").read_text(encoding="utf-8").partition("## Open points")[0]
ROWS = [line.strip("|").split("|") for line in METHODS.splitlines() if line.startswith("| ")]


def words(column: int) -> list[str]:
    """Return what stands in backticks in a column of the tables."""
    return sorted({word for row in ROWS if len(row) == 4 for word in re.findall(r"`([^`]+)`", row[column])})


@pytest.mark.parametrize("rule", words(2))
def test_a_rule_exists(rule):
    named = re.compile(rf"^(rule {rule}|use rule \w+ as {rule} with):", flags=re.M)
    assert any(named.search(path.read_text(encoding="utf-8")) for path in (ROOT / "rules").glob("*.smk"))


@pytest.mark.parametrize("name", words(3))
def test_a_function_exists(name):
    module, _, function = name.rpartition(".")
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in LIBRARY.rglob(f"{module.replace('.', '/')}.py")]
    if trees:
        nodes = [node for tree in trees for node in tree.body]
        assert function in {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    else:
        assert name in {*PAPER.arms, "base"}


def test_the_paper_s_numbers_are_in_its_configuration():
    assert (PAPER.generate.strength, PAPER.generate.steps, PAPER.dataset.resolution) == (0.8, 250, 512)
    finetune = PAPER.finetune
    assert (finetune.learning_rate, finetune.epochs, finetune.mixed_precision) == (2e-6, 50, "no")
    assert finetune.horizontal_flip
    shares = {name: arm.synthetic for name, arm in PAPER.arms.items() if not arm.curate and not arm.parent}
    assert sorted(shares.values()) == [0, 0.033, 0.1, 0.25, 0.5, 1]
    curated = {name: [step.kind for step in arm.curate] for name, arm in PAPER.arms.items() if arm.curate}
    assert curated == {"color-matched": ["match_histograms"], "culled": ["cull"]}
    assert {arm.regime.kind for arm in PAPER.arms.values()} == {"replace"}
    assert all(arm.iterations == 5 for arm in PAPER.arms.values())
    healed = PAPER.arms["healed"]
    assert (healed.parent, healed.synthetic, healed.first_iteration, healed.last_iteration) == ("poison-25", 0, 6, 10)
    assert (PAPER.dataset.reference, PAPER.dataset.short_group) == ("matched", "duplicate")
    assert len(PAPER.unseen.prompts) == 5


def test_the_pages_say_what_the_plan_counts(tmp_path):
    @cache
    def count(model, size):
        folder = architecture(Path(PAPER.base(model).path))
        return engine_of(folder).count(folder, size)

    planned = plan(PAPER, tmp_path, count)
    hours = {(row["card"], row["precision"]): row["hours"] for row in planned.cards.to_dict("records")}
    exact, half = (f"{hours['A100', precision]:.0f}" for precision in ("float32", "bfloat16"))
    readme, running = (" ".join((ROOT / name).read_text("utf-8").split()) for name in ("README.md", "docs/running.md"))
    assert f"{exact} GPU-hours of an A100 in float32, or {half} in bfloat16" in readme
    assert f"is {planned.flops / 1e18:.1f} EFLOP" in running
