"""An experiment with an arm of each kind of job that the paper's arms have not, and the folder that it names."""

from pathlib import Path

from PIL import Image

from scripts.lib.dataset.avatars import draw
from tests.workflow.conftest import ROOT, Project, copy_checkout


def build(to: Path) -> Project:
    """Return a project in a new folder whose experiment is that of `kinds.yaml`; nothing has run."""
    project = copy_checkout(ROOT, to)._replace(experiment="tests/workflow/kinds.yaml")
    folder = to / "drawings"
    folder.mkdir()
    rows = ["file_name,gender,tone,age"]
    for gender in ("man", "woman"):
        for number in range(4):
            rows.append(f"{gender}-{number}.png,{gender},brown,young")
            image = draw(gender, "brown", "young", seed=f"elsewhere/{gender}/{number}", size=32)
            Image.fromarray(image).save(folder / f"{gender}-{number}.png")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return project
