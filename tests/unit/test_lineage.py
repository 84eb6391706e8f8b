"""Which cell descends from which."""

import pytest

from scripts.lib.experiment import lineage
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.load import load


@pytest.fixture
def experiment(settings):
    settings["replicates"] = [0, 7]
    settings["arms"] = {
        "poisoned": {"iterations": 3},
        "healed": {"iterations": 2, "parent": "poisoned", "from_iteration": 2, "synthetic": 0},
        "again": {"iterations": 1, "parent": "healed", "from_iteration": 4},
        "fresh": {"iterations": 2, "init": "base"},
        "restarted": {"iterations": 1, "parent": "poisoned", "from_iteration": 3, "init": "base"},
    }
    return load(settings)


def test_cells_are_every_iteration_of_every_arm_and_replicate(experiment):
    cells = lineage.cells(experiment)
    assert len(set(cells)) == len(cells) == 2 * (3 + 2 + 1 + 2 + 1)
    assert [c.iteration for c in cells if c.arm == "healed" and c.replicate == 7] == [3, 4]
    assert lineage.base_cells(experiment) == [Cell("base", 0, 0), Cell("base", 7, 0)]


def test_a_cells_name_is_its_folder():
    assert str(Cell("poison-25", 7, 3)) == "poison-25/seed-7/iteration-3"


@pytest.mark.parametrize(
    ("cell", "previous"),
    [
        (("poisoned", 7, 1), ("base", 7, 0)),
        (("poisoned", 7, 3), ("poisoned", 7, 2)),
        (("healed", 7, 3), ("poisoned", 7, 2)),
        (("healed", 0, 4), ("healed", 0, 3)),
        (("again", 0, 5), ("healed", 0, 4)),
        (("fresh", 0, 2), ("fresh", 0, 1)),
        (("restarted", 0, 4), ("poisoned", 0, 3)),
    ],
)
def test_generated_images_come_from_the_iteration_before_across_parents(experiment, cell, previous):
    assert lineage.previous(experiment, Cell(*cell)) == Cell(*previous)


@pytest.mark.parametrize(
    ("cell", "initial"),
    [
        (("poisoned", 7, 1), ("base", 7, 0)),
        (("poisoned", 7, 3), ("poisoned", 7, 2)),
        (("healed", 7, 3), ("poisoned", 7, 2)),
        (("fresh", 7, 2), ("base", 7, 0)),
        (("restarted", 0, 4), ("base", 0, 0)),
    ],
)
def test_weights_come_from_the_iteration_before_or_from_the_base(experiment, cell, initial):
    assert lineage.initial(experiment, Cell(*cell)) == Cell(*initial)


def test_every_cell_descends_from_the_base_through_cells_that_exist(experiment):
    existing = {*lineage.cells(experiment), *lineage.base_cells(experiment)}
    for cell in lineage.cells(experiment):
        steps, current = 0, cell
        while current.arm != "base":
            current = lineage.previous(experiment, current)
            assert current in existing
            steps += 1
        assert steps == cell.iteration


@pytest.mark.parametrize(
    ("cell", "left"),
    [
        (("base", 0, 0), 5),  # poisoned 1 and 2, healed 3 and 4, again 5
        (("poisoned", 0, 1), 4),
        (("poisoned", 7, 2), 3),
        (("poisoned", 0, 3), 1),  # restarted 4
        (("healed", 0, 4), 1),
        (("again", 0, 5), 0),
        (("fresh", 0, 1), 1),
    ],
)
def test_what_is_left_is_the_longest_line_of_descendants(experiment, cell, left):
    assert lineage.iterations_left(experiment, Cell(*cell)) == left
