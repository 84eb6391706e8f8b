"""The cost of an experiment, from counted operations and from a pilot."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.lib.base import csvs
from scripts.lib.experiment.config.load import load
from scripts.lib.experiment.lineage import cells
from scripts.lib.planning import plan_views
from scripts.lib.planning.disk import Sizes, peak, sizes_of
from scripts.lib.planning.jobs import jobs
from scripts.lib.planning.pilot import Pilot, Rate
from scripts.lib.planning.plan import architecture, cost_of, operations, plan
from scripts.lib.planning.schedule import Span
from tests.unit.test_contrasts import scores

ONE: Any = SimpleNamespace(
    forward=10,
    training=30,
    encode=4,
    decode=5,
    text=1,
    parameters={"to_q.weight": (10, 100)},
    guided=2,
    rounds_up=False,
)
NONE = Pilot({}, [], None, 0.0)


@pytest.fixture
def experiment(settings):
    settings["generate"] = {"steps": 10, "strength": 0.5, "guidance_scale": 2.0}
    settings["finetune"] = {"epochs": 3}
    settings["execution"] = {"teraflops": 0.002, "utilization": 0.5}
    settings["arms"] = {"mixed": {"iterations": 3}, "light": {"iterations": 1, "finetune": {"epochs": 1}}}
    return load(settings)


def job(experiment, output):
    return next(job for job in jobs(experiment) if job.output == output)


def test_operations_are_those_of_every_image_pass_and_epoch(experiment):
    def count(model: str, size: int | None) -> Any:
        assert (model, size) == ("base", 512)
        return ONE

    cell = "mixed/seed-0/iteration-1"
    images = 2 * 2 * 30
    trained = images * 3 * 30 + 2 * images * 4 + 4 * 1
    assert operations(experiment, job(experiment, f"{cell}/finetune.json"), count) == trained
    generated = images * (5 * 2 * 10 + 4 + 5 + 2 * 1)
    assert operations(experiment, job(experiment, f"{cell}/generated/shard-0.json"), count) == generated
    assert operations(experiment, job(experiment, f"{cell}/unseen.json"), count) == 10 * 2 * 10 + 5 + 2 * 1


def test_a_network_that_is_told_its_guidance_runs_once_a_step(experiment):
    shard = job(experiment, "mixed/seed-0/iteration-1/generated/shard-0.json")
    told: Any = SimpleNamespace(**vars(ONE) | {"guided": 1})
    assert operations(experiment, shard, lambda *_: told) == 120 * (5 * 10 + 4 + 5 + 1)


def test_the_engine_says_how_the_steps_of_image_to_image_are_rounded(settings):
    changed = load(settings | {"generate": {"steps": 10, "strength": 0.45, "guidance_scale": 1.0}})
    shard = job(changed, "mixed/seed-0/iteration-1/generated/shard-0.json")
    for rounds_up, steps in ((False, 4), (True, 5)):

        def count(*_: Any, rounds_up: bool = rounds_up) -> Any:
            return SimpleNamespace(**vars(ONE) | {"rounds_up": rounds_up})

        assert operations(changed, shard, count) == 120 * (steps * 10 + 4 + 5 + 1)


def test_checkpointed_gradients_run_the_network_once_more(experiment, settings):
    settings["finetune"] = {"epochs": 3, "gradient_checkpointing": True}
    checkpointed = load(settings | {"arms": {"mixed": {}}})
    output = "mixed/seed-0/iteration-1/finetune.json"
    more = operations(checkpointed, job(checkpointed, output), lambda *_: ONE)
    assert more - operations(experiment, job(experiment, output), lambda *_: ONE) == 120 * 3 * 10


def test_the_steps_of_every_arm_are_in_the_plan(settings, tmp_path):
    settings["finetune"] = {"epochs": 3, "batch_size": 16}
    grows = {"iterations": 3, "regime": "accumulate"}
    settings["arms"] = {"one": {"iterations": 2}, "grows": grows, "equal": grows | {"finetune": {"steps": 100}}}
    result = plan(load(settings), tmp_path, lambda *_: ONE)
    assert result.steps.to_dict("records") == [
        {"arm": "one", "cells": 2, "first": 3 * 8, "last": 3 * 8},
        {"arm": "grows", "cells": 3, "first": 3 * 15, "last": 3 * 30},
        {"arm": "equal", "cells": 3, "first": 100, "last": 100},
    ]
    assert "grows" in plan_views.text(result)


def test_a_measured_rule_is_scaled_and_others_are_counted(experiment):
    pilot = NONE._replace(rates={"finetune": Rate(2.0, 0.1, 1)})

    def cost(output):
        return cost_of(experiment, job(experiment, output), pilot, lambda *_: ONE)

    assert cost("mixed/seed-0/iteration-1/finetune.json").seconds == pytest.approx(2 + 0.1 * 120 * 3)
    assert cost("light/seed-0/iteration-1/finetune.json").seconds == pytest.approx(2 + 0.1 * 120)
    counted = cost("mixed/seed-0/iteration-1/generated/shard-0.json")
    assert counted.seconds == pytest.approx(counted.flops / 1e9)
    assert cost("mixed/seed-0/iteration-1/scores.json") is None


def one_byte_a_model(experiment):
    ones = dict.fromkeys(cells(experiment), 1)
    return Sizes(ones, ones, 0, 0)


def test_the_peak_counts_the_u_nets_that_are_there_at_once(settings):
    def most(keep):
        settings["arms"] = {"mixed": {"iterations": 3}}
        chosen = load(settings | {"execution": {"keep": keep}})
        every = jobs(chosen)
        spans = {job.output: Span(start, start + 1, 0) for start, job in enumerate(every)}
        return peak(chosen, every, spans, one_byte_a_model(chosen))

    assert most("all") == 3
    assert most("last") == 2, "one is read while the next is written"


def test_a_long_fine_tune_has_its_checkpoints(settings):
    experiment = load(settings | {"arms": {"mixed": {"iterations": 1}}})
    every = jobs(experiment)
    spans = {job.output: Span(0, 6000, 0) for job in every}
    assert peak(experiment, every, spans, one_byte_a_model(experiment)) == 1 + 3 * 3


def test_an_average_is_kept_beside_the_last_weights_and_lies_in_checkpoints(settings):
    arms = {"mixed": {"iterations": 1, "finetune": {"average": 0.99}}, "light": {"iterations": 1}}
    experiment = load(settings | {"arms": arms})
    sizes = sizes_of(experiment, NONE, {"base": ONE.parameters})
    assert [sizes.model[cell] for cell in cells(experiment)] == [2 * 4000, 4000]
    every = [job for job in jobs(experiment) if job.rule == "finetune" and job.cell.arm == "mixed"]
    spans = {job.output: Span(0, 6000, 0) for job in every}
    assert peak(experiment, every, spans, sizes) == 8000 + 3 * 4 * 4000


def test_what_is_kept_shows_in_the_plan(experiment, tmp_path):
    result = plan(experiment, tmp_path, lambda *_: ONE)
    assert result.disk["number"].tolist()[:2] == [4, 2]
    assert result.disk["bytes_all"].tolist()[:2] == [16_000, 8_000]
    assert result.cells == 5
    lora = result.disk.set_index("files").loc["models, keep: all, trainable: lora"]
    one = 4 * 4 * (10 + 100)
    assert lora["number"] == 4
    assert lora["bytes_all"] == (1 + 2 + 3 + 1) * one, "each iteration keeps those before"
    assert plan_views.headline(result).startswith("small: 5 cells, ")
    assert plan_views.tables(result)["disk"]["all"].tolist()[:2] == ["16 kB", "8 kB"]
    assert dict(result.rules[["rule", "jobs"]].to_numpy())["finetune"] == 4
    assert set(result.rules["source"]) == {"counted operations", "not counted"}


def test_counted_operations_are_hours_on_each_card_at_a_share_of_its_peak(experiment, tmp_path):
    result = plan(experiment, tmp_path, lambda *_: ONE)
    hours = result.cards.set_index(["card", "precision"])["hours"]
    assert hours["A100", "float32"] == pytest.approx(result.flops / (0.5 * 19.5e12) / 3600)
    assert hours["A100", "float32"] / hours["A100", "bfloat16"] == pytest.approx(16)
    assert hours["H100", "float32"] < hours["A100", "float32"]
    assert "H100" in plan_views.text(result)
    assert "H100" in plan_views.page(result)


def test_a_terminal_of_100_columns_holds_the_plan_and_the_page_is_whole(experiment, tmp_path):
    result = plan(experiment, tmp_path, lambda *_: ONE)
    assert max(map(len, plan_views.text(result).splitlines())) <= 100
    page = plan_views.page(result)
    assert page.count("<table") == 5
    assert "http" not in page, "nothing is loaded"
    assert page.count("<rect") > 10


def test_the_plan_says_how_many_replicates_a_difference_takes_once_there_are_two(experiment, settings, tmp_path):
    experiment = load(settings | {"arms": {"real": {"synthetic": 0}, "mixed": {}}})
    assert "can be said once two replicates" in " ".join(
        plan_views.text(plan(experiment, tmp_path, lambda *_: ONE)).split()
    )
    values = {"real": [10.0, 11.0, 12.0], "mixed": [13.0, 15.0, 15.5]}
    space = next(iter(experiment.score.features))
    table = scores(values).assign(features=space, n=900, low_images=None, high_images=None)
    csvs.write(tmp_path / "scores.csv", table)
    result = plan(experiment, tmp_path, lambda *_: ONE)
    words = " ".join(plan_views.text(result).split())
    assert "mixed 1 frechet_distance 3 3.5 0.5 3" in words
    assert "in 80 % of such experiments" in words
    assert "frechet_distance" in plan_views.page(result)
    assert json.loads(json.dumps(plan_views.numbers(result)))["power"][0]["replicates"] == 3


def test_the_numbers_of_a_plan_are_json_for_scripts(experiment, tmp_path):
    result = plan(experiment, tmp_path, lambda *_: ONE)
    found = json.loads(json.dumps(plan_views.numbers(result), allow_nan=False))
    rules = {row["rule"]: row for row in found["rules"]}
    assert rules["finetune"]["seconds_all"] == pytest.approx(4 * rules["finetune"]["seconds_each"])
    assert rules["gather"]["seconds_all"] is None
    one, *_, longest = found["times"]
    assert (one["devices"], longest["devices"]) == (1, None)
    assert one["seconds"] >= found["times"][1]["seconds"] >= longest["seconds"]
    assert found["device_seconds"] == pytest.approx(one["seconds"])
    words = plan_views.tables(result)["times"]
    assert words.iloc[0].tolist()[1] == plan_views.duration(one["seconds"])
    assert words.iloc[-1].tolist()[0] == "any"


def test_a_model_that_is_not_there_is_counted_by_the_published_one_of_its_name(tmp_path):
    assert architecture(tmp_path / "stable-diffusion-2-1-base").parent.name == "architectures"
    with pytest.raises(FileNotFoundError, match=r"other: no model_index\.json there.*run one cell first"):
        architecture(tmp_path / "other")


def test_words_for_seconds_and_bytes():
    assert [plan_views.duration(s) for s in (0, 42, 600, 7200, 864_000)] == ["0 s", "42 s", "10 min", "2 h", "10 days"]
    assert [plan_views.volume(b) for b in (999, 3.46e9, 1.56e11, 2e12)] == ["999 B", "3.46 GB", "156 GB", "2 TB"]
