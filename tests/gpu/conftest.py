"""One table of what was measured, with the name of the card, at the end of the run."""

import platform
from typing import Any

import pytest
import torch

ROWS: list[tuple[str, str]] = []


@pytest.fixture
def row():
    """A function that adds a row to the table: what was measured, and its value."""
    return lambda what, value: ROWS.append((what, value))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table, ready for docs/paper.md."""
    if not ROWS:
        return
    card = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, torch {torch.__version__}"
    terminalreporter.section("measured")
    lines = [f"| {card}, {platform.node()} | |", "|---|---|", *(f"| {what} | {value} |" for what, value in ROWS)]
    terminalreporter.write_line("\n".join(lines))
