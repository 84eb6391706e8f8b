"""Tables for the report: every cell, legible, and safe to show."""

import math

import pandas as pd

from scripts.lib.figures import tables
from tests.unit.figures import table


def test_a_cell_is_a_row_and_a_metric_a_column():
    cells = tables.cells(table())
    assert list(cells.columns) == [
        "arm",
        "replicate",
        "iteration",
        "n",
        "frechet_distance",
        "clip_score",
        "clip_score_std",
    ]
    assert cells.iloc[0].tolist() == ["floor", 0, 0, 90, 4, 28, 1]
    assert not (cells == 999).any().any(), "neither groups nor unseen prompts"
    assert not cells.duplicated(["arm", "replicate", "iteration"]).any()


def test_the_composition_sums_the_groups_of_every_cell(tmp_path):
    path = tmp_path / "half/seed-3/iteration-2/composition.csv"
    path.parent.mkdir(parents=True)
    pd.DataFrame({"group": ["a", "b"], "real": [5, 6], "generated": [5, 4]}).to_csv(path, index=False)
    expected = {"arm": "half", "replicate": 3, "iteration": 2, "real": 11, "generated": 9, "groups": 2}
    (row,) = tables.read("composition", [path]).to_dict("records")
    assert row == expected | {"generated in a group": "4 to 5"}


def test_the_costs_of_an_arm_are_summed_by_step():
    jobs = pd.DataFrame(
        [
            ("real", "finetune", 1800, 285.0, 2, 900, 10),
            ("real", "generated/shard-0", 900, None, 1, 700, 5),
            ("real", "generated/shard-1", 900, None, 1, 800, 5),
            ("half", "finetune", 3600, 10.0, 0, 950, None),
            ("real", "finetune", 1800, 285.0, 2, 920, 12),
        ],
        columns=["arm", "step", "seconds", "optimizer_steps", "gpus", "peak_memory_mib", "peak_gpu_memory_mib"],
    )
    assert tables.costs(jobs).astype(object).fillna("").to_numpy().tolist() == [
        ["real", "finetune", 2, 1.0, 2.0, 570, 920, 12.0],
        ["real", "generated", 2, 0.5, 0.5, "", 800, 5.0],
        ["half", "finetune", 1, 1.0, 0.0, 10, 950, ""],
    ]


def test_the_costs_leave_no_arm_out_for_its_name(tmp_path):
    path = tmp_path / "costs.csv"
    path.write_text(
        "arm,replicate,iteration,step,seconds,optimizer_steps,gpus,peak_memory_mib,peak_gpu_memory_mib\n"
        "NA,0,1,unseen,3600,,0,100,\n"
    )
    (row,) = tables.read("costs", [path]).to_dict("records")
    assert (row["arm"], row["hours"]) == ("NA", 1)
    assert math.isnan(row["peak_gpu_memory_mib"])


def test_a_page_escapes_its_text_and_shortens_its_numbers():
    page = tables.page("cells", pd.DataFrame({"a_b": [0.123456, math.nan], "c": ["<script>", ""]}))
    assert "<td>0.1235</td>" in page
    assert "<td></td>" in page
    assert "&lt;script&gt;" in page
    assert ">a b</th>" in page
    assert "<script" not in page
