"""Which cell descends from which: the graph of the experiment, as plain functions."""

from graphlib import TopologicalSorter

from scripts.lib.experiment.cell import BASE, Cell
from scripts.lib.experiment.config.arm import at_once, model_at, model_of, operands
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.config.source import SELF


def cells(experiment: Experiment) -> list[Cell]:
    """Return every fine-tuned cell of the experiment, arm by arm."""
    return [
        Cell(name, replicate, iteration)
        for name, arm in experiment.arms.items()
        for replicate in experiment.replicates
        for iteration in range(arm.first_iteration, arm.last_iteration + 1)
    ]


def bases(experiment: Experiment) -> list[str]:
    """Return the names of the base models that have cells: the experiment's, and those that an arm names."""
    named = {name for arm in experiment.arms.values() for name in (arm.model, *arm.sources)}
    settings = [experiment.generate, *(arm.generate for arm in experiment.arms.values())]
    settings += [model.generate for name, model in experiment.models.items() if name in named]
    named |= {chosen.match.snr_of for chosen in settings if chosen.match}
    return [BASE, *(name for name in experiment.models if name in named)]


def base_cells(experiment: Experiment) -> list[Cell]:
    """Return each base model's cell of each replicate."""
    return [Cell(name, replicate, 0) for name in bases(experiment) for replicate in experiment.replicates]


def base_name(experiment: Experiment, arm: str) -> str:
    """Return the name of the base model that an arm retrains; a base model's own cells are an arm of its name."""
    return experiment.arms[arm].model if arm in experiment.arms else arm


def base_of(experiment: Experiment, cell: Cell) -> Cell:
    """Return the cell of the base model that a cell's arm retrains, in the same replicate."""
    return Cell(base_name(experiment, cell.arm), cell.replicate, 0)


def matched(experiment: Experiment, cell: Cell) -> list[Cell]:
    """Return the cell whose image-to-image that of a cell begins as; none where `strength` says where it begins.

    The base model that the others match begins where its own `strength` says.
    """
    settings = (experiment.base(cell.arm) if cell.is_base else experiment.arms[cell.arm]).generate
    if settings.match is None or settings.mode != "img2img" or (cell.is_base and settings.match.snr_of == cell.arm):
        return []
    return [Cell(settings.match.snr_of, cell.replicate, 0)]


def every_cell(experiment: Experiment) -> list[Cell]:
    """Return the base models' cells and the fine-tuned ones: all that have images and scores."""
    return [*base_cells(experiment), *cells(experiment)]


def last_cells(experiment: Experiment) -> list[Cell]:
    """Return the last cell of every arm and replicate."""
    return [cell for cell in cells(experiment) if cell.iteration == experiment.arms[cell.arm].last_iteration]


def previous(experiment: Experiment, cell: Cell) -> Cell:
    """Return the cell that ``cell`` takes generated images (and with ``init: previous`` its weights) from."""
    arm = experiment.arms[cell.arm]
    if cell.iteration > arm.first_iteration:
        return cell._replace(iteration=cell.iteration - 1)
    return Cell(arm.parent or arm.model, cell.replicate, cell.iteration - 1)


def history(experiment: Experiment, cell: Cell) -> list[Cell]:
    """Return the cells that ``cell`` descends from, from the base model's to the one before it."""
    found: list[Cell] = []
    while not cell.is_base:
        cell = previous(experiment, cell)
        found.append(cell)
    return found[::-1]


def sources(experiment: Experiment, cell: Cell) -> dict[str, list[Cell]]:
    """Return for each source of generated images the cells that have made some, the newest last; none for a folder."""
    found: dict[str, list[Cell]] = {}
    for name, source in experiment.arms[cell.arm].sources.items():
        if source.path is not None:
            found[name] = []
        elif name == SELF:
            found[name] = history(experiment, cell)
        else:
            last = cell.iteration - (source.iteration == "previous")
            arm, iteration = model_at(experiment.arms, name, last)
            newest = Cell(arm, cell.replicate, iteration)
            found[name] = [*history(experiment, newest), newest]
    return found


def in_order(experiment: Experiment) -> list[Cell]:
    """Return every cell after those whose models or images it needs: by iteration, then by who trains on whom."""
    rank: dict[tuple[str, int], int] = {
        (cell.arm, 0): len(matched(experiment, cell)) for cell in base_cells(experiment)
    }
    for iteration in {cell.iteration for cell in cells(experiment)}:
        order = TopologicalSorter(at_once(experiment.arms, iteration)).static_order()
        rank |= {(arm, iteration): place for place, arm in enumerate(order)}
    return sorted(every_cell(experiment), key=lambda cell: (cell.iteration, rank.get((cell.arm, cell.iteration), 0)))


def is_trained(experiment: Experiment, cell: Cell) -> bool:
    """Say whether a cell's model is fine-tuned: it is no base model, and not merged."""
    return not cell.is_base and experiment.arms[cell.arm].merge is None


def trained(experiment: Experiment) -> list[Cell]:
    """Return every cell whose model is fine-tuned."""
    return [cell for cell in cells(experiment) if is_trained(experiment, cell)]


def merged_from(experiment: Experiment, cell: Cell) -> list[Cell]:
    """Return the two cells whose models make that of a cell; none where it is fine-tuned."""
    return [Cell(arm, cell.replicate, iteration) for arm, iteration in operands(experiment.arms, cell.arm)]


def extrapolated(experiment: Experiment, cell: Cell) -> list[Cell]:
    """Return the cell whose model's prediction is extrapolated where ``cell`` makes images; none where nothing is."""
    chosen = None if cell.is_base else experiment.arms[cell.arm].generate.extrapolate
    if chosen is None:
        return []
    arm, iteration = model_of(experiment.arms, cell.arm, chosen.of)
    return [Cell(arm, cell.replicate, iteration)]


def initial(experiment: Experiment, cell: Cell) -> Cell:
    """Return the cell whose network the fine-tune of ``cell`` starts from."""
    if experiment.arms[cell.arm].init == "base":
        return base_of(experiment, cell)
    return previous(experiment, cell)


def fine_tunes(experiment: Experiment, cell: Cell) -> int:
    """Return how many fine-tunes, each started from the one before, have made the model of a cell."""
    return 0 if cell.is_base else 1 + fine_tunes(experiment, initial(experiment, cell))


def iterations_left(experiment: Experiment, cell: Cell) -> int:
    """Return how many iterations one after the other descend from a cell, through arms that continue from its own."""
    children = [
        Cell(name, cell.replicate, arm.first_iteration)
        for name, arm in experiment.arms.items()
        if (arm.parent or arm.model) == cell.arm and arm.first_iteration > cell.iteration
    ]
    own = 0 if cell.is_base else experiment.arms[cell.arm].last_iteration - cell.iteration
    return max(own, *(child.iteration - cell.iteration + iterations_left(experiment, child) for child in children), 0)
