"""How far an experiment is, from made-up folders."""

from base64 import urlsafe_b64encode

import pytest

from scripts.lib.experiment.config.load import load
from scripts.lib.planning import status
from scripts.lib.planning.jobs import jobs


@pytest.fixture
def experiment(settings):
    settings["arms"] = {"real": {"iterations": 2, "synthetic": 0}, "healed": {"parent": "real", "from_iteration": 2}}
    settings["defaults"] = {"iterations": 1}
    return load(settings)


def mark(records, name, length=254):
    """Mark a file as Snakemake does while a job makes it."""
    code = urlsafe_b64encode(name.encode()).decode()
    parts = [code[start : start + length] for start in range(0, len(code), length)]
    path = records.joinpath("incomplete", *(f"@{part}" for part in parts[:-1]), parts[-1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"external_jobid": null}')


def lock(records, *names):
    (records / "locks").mkdir(parents=True)
    (records / "locks" / "0.output.lock").write_text("".join(f"{name}\n" for name in names))


def test_a_file_is_being_made_when_it_is_marked_and_a_run_holds_it(tmp_path):
    long = "results/x/" + "a" * 400 + "/é.zip"
    for name in ("results/x/a.zip", "results/x/left.zip", long):
        mark(tmp_path, name)
    lock(tmp_path, "results/x/a.zip", "results/x/b.zip", long)
    assert status.unfinished(tmp_path) == {"results/x/a.zip", long}
    assert status.unfinished(tmp_path / "nothing") == set()


def write(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_job_is_done_running_failed_or_missing(experiment, tmp_path):
    cell = "real/seed-0/iteration-1"
    write(tmp_path / f"{cell}/training.csv")
    write(tmp_path / f"logs/{cell}/compose.log")
    write(tmp_path / f"logs/{cell}/finetune.log")
    write(tmp_path / "logs/base/seed-0/iteration-0/generate-0.log")
    making = {f"{tmp_path.as_posix()}/{cell}/finetune.json"}
    states = {job.output: state for job, state in status.states_of(jobs(experiment), tmp_path, making).items()}
    assert states[f"{cell}/training.csv"] == "done"
    assert states[f"{cell}/finetune.json"] == "running"
    assert states["base/seed-0/iteration-0/generated/shard-0.json"] == "failed"
    assert states[f"{cell}/scores.json"] == "missing"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"done"}, "done"),
        ({"missing"}, "missing"),
        ({"done", "missing"}, "begun"),
        ({"done", "running", "missing"}, "running"),
        ({"done", "running", "failed"}, "failed"),
    ],
)
def test_a_cell_shows_what_needs_attention_first(states, expected):
    assert status.combined(states) == expected


def test_the_last_share_of_the_bar_is_the_progress(tmp_path):
    write(tmp_path / "a.log", "Loading weights: 100%|██| 36/36\rfinetune:   0%|  | 0/285\rfinetune:  35%|██ | 101/285")
    write(tmp_path / "b.log", "Loading weights: 100%|██| 36/36")
    assert status.progress(tmp_path / "a.log") == "35%"
    assert status.progress(tmp_path / "b.log") == status.progress(tmp_path / "c.log") == ""


def test_the_matrix_names_the_log_of_a_failure(experiment, tmp_path):
    for job in jobs(experiment):
        if job.cell.arm == "base":
            write(tmp_path / job.output)
    write(tmp_path / "logs/real/seed-0/iteration-1/compose.log")
    states = status.states_of(jobs(experiment), tmp_path, set())
    shown = status.text("small", states, tmp_path, lambda state, text: f"<{text}>" if state == "failed" else text)
    assert shown.splitlines()[:6] == [
        "small: 4 cells, 1 done ●, 1 failed <✗>, 2 missing ·",
        "",
        "arm     seed   0   1   2   3",
        "base       0   ●",
        "real       0       <✗>   ·",
        "healed     0               ·",
    ]
    assert shown.splitlines()[7].endswith(f"snakemake {tmp_path}/real/seed-0/iteration-1/scores.json")
    log = f"{tmp_path}/logs/real/seed-0/iteration-1/compose.log"
    assert [line.split() for line in shown.splitlines()[-2:]] == [
        ["<failed>"],
        ["real/seed-0/iteration-1", "compose", log],
    ]


def test_a_training_table_that_was_to_be_had_early_begins_no_cell(experiment, tmp_path):
    write(tmp_path / "real/seed-0/iteration-2/training.csv")
    states = status.states_of(jobs(experiment), tmp_path, set())
    assert "begun" not in status.text("small", states, tmp_path, lambda _, text: text)


def test_a_warning_of_several_logs_is_said_once(tmp_path):
    (tmp_path / "draw_grid.log").write_text("Warning: boxes\nother\n")
    (tmp_path / "draw_pairs.log").write_text("bar: 1 %\nWarning: boxes\nWarning: more\n")
    assert status.warnings(tmp_path) == ["Warning: boxes", "Warning: more"]
