"""A cell and its name in paths."""

from pathlib import Path

import pytest

from scripts.lib.experiment.cell import Cell


@pytest.mark.parametrize("cell", [Cell("base", 0, 0), Cell("poison-3.3", 12, 10)])
def test_a_cell_comes_back_from_the_path_of_its_files(cell):
    assert Cell.from_path(Path(f"/scratch/seed-9/iteration-8/results/x/{cell}/scores.json")) == cell


@pytest.mark.parametrize("path", ["results/x/real/seed-0/iteration-1", "results/x/dataset/images.zip"])
def test_a_path_outside_a_cell_is_an_error_that_says_so(path):
    with pytest.raises(ValueError, match=f"{path}: not a file of a cell"):
        Cell.from_path(Path(path))
