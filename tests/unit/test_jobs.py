"""The jobs of the cells; the workflow's tests compare all of them with Snakemake's own."""

import pytest

from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.execution import Execution
from scripts.lib.experiment.config.load import load
from scripts.lib.planning.amounts import images_a_cell, shards_a_cell
from scripts.lib.planning.image_sets import data_folders
from scripts.lib.planning.jobs import compared_inputs, compose_inputs, curate_inputs, finetune_inputs, jobs


@pytest.fixture
def experiment(settings):
    settings["execution"] = {"shards": 2}
    settings["arms"] = {
        "real": {"iterations": 1, "synthetic": 0},
        "matched": {"iterations": 2, "curate": ["match_histograms"]},
        "culled": {"iterations": 2, "curate": ["cull"], "init": "base"},
        "both": {"iterations": 2, "curate": ["match_histograms", "cull"]},
        "only-real": {"iterations": 1, "synthetic": 0, "curate": ["cull"]},
        "healed": {"iterations": 1, "parent": "matched", "from_iteration": 1, "synthetic": 0},
    }
    return load(settings)


def test_every_job_comes_after_those_that_it_needs(experiment):
    seen: set[str] = set()
    for job in jobs(experiment):
        assert set(job.needs) <= seen
        assert job.output not in seen
        seen.add(job.output)


BASE = "base/seed-0/iteration-0"
DISTANCES = "single_image_distance.csv"


def test_a_cell_waits_for_what_its_curation_and_its_start_ask_for(experiment):
    needs = {job.output: job.needs for job in jobs(experiment)}
    one, two = "matched/seed-0/iteration-1", "matched/seed-0/iteration-2"
    matched = f"{two}/curation/1-match_histograms.csv"
    assert needs[matched] == (f"{one}/generated.zip",)
    assert needs[f"{two}/training.csv"] == (matched,)
    assert needs[f"{two}/finetune.json"] == (f"{two}/training.csv", matched, f"{one}/finetune.json")
    healed = "healed/seed-0/iteration-2"
    assert needs[f"{healed}/training.csv"] == ()
    assert needs[f"{healed}/finetune.json"] == (f"{healed}/training.csv", f"{one}/finetune.json")
    one, two = "culled/seed-0/iteration-1", "culled/seed-0/iteration-2"
    images = f"{one}/generated.zip"
    assert needs[f"{two}/curation/1-cull.csv"] == (
        images,
        f"{one}/generated-{DISTANCES}",
        f"{BASE}/generated-{DISTANCES}",
    )
    assert needs[f"{one}/curation/1-cull.csv"] == (f"{BASE}/generated.zip", f"{BASE}/generated-{DISTANCES}")
    assert needs[f"{two}/training.csv"] == (images, f"{two}/curation/1-cull.csv")
    assert needs[f"{two}/finetune.json"] == (f"{two}/training.csv", images)
    assert f"{two}/generated-{DISTANCES}" not in needs, "no iteration follows that would cull its images"


def test_a_second_step_reads_what_the_first_one_wrote(experiment):
    cell = Cell("both", 0, 2)
    first, matched = "both/seed-0/iteration-1/generated.zip", f"{cell}/curation/1-match_histograms"
    real = ["dataset/images.zip"]
    nothing: dict[str, list[str]] = {"rewards": [], "first_batch": []}
    assert curate_inputs(experiment, cell, 1) == {"images": [first], "before": [], "real": real} | nothing
    assert curate_inputs(experiment, cell, 2) == {
        "images": [f"{matched}.zip"],
        "before": [f"{matched}.csv"],
        "rewards": [f"{matched}-{DISTANCES}"],
        "first_batch": [f"{BASE}/generated-{DISTANCES}"],
        "real": [],
    }
    after = {"real": real, "images": [f"{matched}.zip"], "before": [f"{cell}/curation/2-cull.csv"], "judged": []}
    assert compose_inputs(experiment, cell) == after
    assert finetune_inputs(experiment, cell)["images"] == [*real, f"{matched}.zip"]
    found = {job.output: job for job in jobs(experiment)}
    reward = found[f"{matched}-{DISTANCES}"]
    assert (reward.rule, reward.cell, reward.needs) == ("reward", cell, (f"{matched}.csv",))
    assert found[f"{matched}.csv"].rule == "rewrite"
    assert found[f"{matched}.csv"].name == "curation/1-match_histograms"
    assert reward.name == "curation/1-match_histograms-single_image_distance"
    assert found[f"{cell}/curation/2-cull.csv"].rule == "curate"
    assert f"both/seed-0/iteration-1/generated-{DISTANCES}" not in found, "only the rewritten images are scored"


def test_an_arm_of_real_images_alone_curates_nothing(experiment):
    cell = Cell("only-real", 0, 1)
    nothing: dict[str, list[str]] = {"images": [], "before": [], "judged": []}
    assert compose_inputs(experiment, cell) == {"real": ["dataset/images.zip"]} | nothing
    assert {job.rule for job in jobs(experiment) if job.cell == cell}.isdisjoint({"curate", "rewrite", "reward"})


def test_a_step_that_judges_real_images_reads_their_scores_and_is_read_by_the_composition(settings):
    detector = {"detector": {"reward": "single_image_distance", "threshold": 1}}
    settings["arms"] = {"watched": {"iterations": 2, "curate": [detector, "cull"]}}
    experiment, cell = load(settings), Cell("watched", 0, 2)
    images, real = "watched/seed-0/iteration-1/generated", "dataset/images"
    assert curate_inputs(experiment, cell, 1) == {
        "images": [f"{images}.zip"],
        "before": [],
        "rewards": [f"{images}-{DISTANCES}", f"{real}-{DISTANCES}"],
        "first_batch": [],
        "real": [f"{real}.zip"],
    }
    assert curate_inputs(experiment, cell, 2)["rewards"] == [f"{images}-{DISTANCES}"]
    assert compose_inputs(experiment, cell)["judged"] == [f"{cell}/curation/1-detector.csv"]
    assert not any(path.startswith("dataset") for job in jobs(experiment) for path in [job.output, *job.needs])


def test_shards_are_gathered(experiment):
    found = {job.output: job for job in jobs(experiment)}
    cell = "real/seed-0/iteration-1"
    shards = (f"{cell}/generated/shard-0.json", f"{cell}/generated/shard-1.json")
    assert found[f"{cell}/generated.zip"].needs == shards
    assert [found[shard].name for shard in shards] == ["generate-0", "generate-1"]


def test_images_of_a_cell_are_those_of_all_groups(experiment):
    assert images_a_cell(experiment) == 2 * 2 * 30


@pytest.mark.parametrize(("asked", "shards"), [(1, 1), (120, 120), (121, 120), (1000, 120)])
def test_there_are_no_more_shards_than_images(experiment, asked, shards):
    execution = Execution(shards=asked)
    assert shards_a_cell(experiment.model_copy(update={"execution": execution})) == shards


@pytest.mark.parametrize(("minutes", "shards"), [(1000, 1), (10, 1), (5, 2), (4, 3), (0.001, 120)])
def test_shards_that_take_no_longer_than_a_number_of_minutes(experiment, minutes, shards):
    execution = Execution(shard_minutes=minutes, seconds_per_image=5.0)
    assert shards_a_cell(experiment.model_copy(update={"execution": execution})) == shards


def test_candidates_are_further_sets_of_the_cells_that_an_arm_trains_on(settings):
    best = {"best_of": {"candidates": 3, "reward": "single_image_distance", "prefer": "small"}}
    settings["execution"] = {"shards": 2}
    settings["arms"] = {
        "best": {"iterations": 2, "curate": [best]},
        "pair": {"iterations": 2, "curate": [{"best_of": best["best_of"] | {"candidates": 2}}, "match_histograms"]},
        "plain": {"iterations": 2},
    }
    experiment = load(settings)
    found = {job.output: job for job in jobs(experiment)}
    made = {output.removesuffix(".zip") for output in found if output.endswith(".zip")}
    one = "seed-0/iteration-1"
    further = {f"{BASE}/generated-2", f"{BASE}/generated-3", f"best/{one}/generated-2", f"best/{one}/generated-3"}
    further.add(f"pair/{one}/generated-2")
    assert {name for name in made if "generated-" in name} == further, "none of a last cell, and of no other arm"
    cell = Cell("best", 0, 2)
    sets = [f"best/{one}/generated{suffix}" for suffix in ("", "-2", "-3")]
    assert curate_inputs(experiment, cell, 1)["images"] == [f"{name}.zip" for name in sets]
    assert curate_inputs(experiment, cell, 1)["rewards"] == [f"{name}-{DISTANCES}" for name in sets]
    assert all(found[f"{name}-{DISTANCES}"].needs == (f"{name}.zip",) for name in sets)
    shard = found[f"best/{one}/generated-3/shard-1.json"]
    assert (shard.rule, shard.name, shard.needs) == ("generate", "generate-3-1", (f"best/{one}/finetune.json",))
    assert found[f"{sets[2]}.zip"].name == "gather-3"
    pair = Cell("pair", 0, 2)
    assert compose_inputs(experiment, pair)["images"] == [f"{pair}/curation/2-match_histograms.zip"]
    assert curate_inputs(experiment, pair, 2)["images"] == [f"pair/{one}/generated.zip", f"pair/{one}/generated-2.zip"]


def test_a_cell_is_compared_with_the_embeddings_of_the_sets_that_it_trains_on(settings):
    """A set that no cell is scored by has a job of its own, once, whoever trains on it."""
    spaces = {"fid": {"network": "inception", "weights": "i.pth"}, "clip": {"network": "clip", "weights": "clip"}}
    settings["score"]["features"] = spaces
    best = {"best_of": {"candidates": 2, "reward": "single_image_distance"}}
    folder = {"path": "images", "labels": "labels.csv", "share": 0.5}
    settings["arms"] = {
        "matched": {"iterations": 2, "curate": ["match_histograms"]},
        "fresh": {"iterations": 2, "real": "fresh", "synthetic": 0.5},
        "best": {"iterations": 2, "curate": [best]},
        "other": {"iterations": 1, "sources": {"self": 0.5, "drawings": folder}},
        "every": {"iterations": 2, "regime": "accumulate"},
    }
    experiment = load(settings)

    def of(arm: str, iteration: int) -> list[str]:
        return compared_inputs(experiment, Cell(arm, 0, iteration))["training_features"]

    def in_spaces(*sets: str) -> list[str]:
        return [f"{images}-{space}.safetensors" for space in ("fid", "clip_score") for images in sets]

    real, matched = "dataset/images", "matched/seed-0/iteration-2/curation/1-match_histograms"
    assert of("base", 0) == in_spaces(real)
    assert of("matched", 2) == in_spaces(real, matched)
    assert of("fresh", 2) == in_spaces("dataset/fresh/1", "fresh/seed-0/iteration-1/generated")
    best_one = "best/seed-0/iteration-1/generated"
    assert of("best", 2) == in_spaces(real, best_one, f"{best_one}-2")
    assert of("other", 1) == in_spaces(real, f"{BASE}/generated", "dataset/sources/drawings")
    assert of("every", 2) == in_spaces(real, f"{BASE}/generated", "every/seed-0/iteration-1/generated")
    embedded = [job for job in jobs(experiment) if job.rule == "embed_set"]
    own = [matched.replace("iteration-2", "iteration-1"), matched, f"{BASE}/generated-2", f"{best_one}-2"]
    assert sorted(job.output for job in embedded) == sorted(in_spaces(*own))
    one = next(job for job in embedded if job.output == f"{matched}-fid.safetensors")
    assert (one.needs, one.name) == ((f"{matched}.csv",), "curation/1-match_histograms-fid")


def test_a_model_is_measured_on_held_out_images_where_there_are_any_and_losses_are_asked_for(settings):
    settings["arms"] = {"mixed": {"iterations": 1}}
    cell = "mixed/seed-0/iteration-1"
    found = {job.output: job for job in jobs(load(settings))}
    assert found[f"{cell}/validation.json"].needs == (f"{cell}/finetune.json",)
    assert found[f"{BASE}/validation.json"].needs == ()
    assert f"{cell}/validation.json" in found[f"{cell}/scores.json"].needs
    settings["score"]["metrics"] = {"validation_loss": {"draws": 0}}
    assert "validate" not in {job.rule for job in jobs(load(settings))}
    del settings["score"]["metrics"]
    settings["dataset"]["reference"] = "matched"
    assert "validate" not in {job.rule for job in jobs(load(settings))}


@pytest.mark.parametrize(
    ("replicate", "folders"), [("noise", ["dataset"]), ("data", ["dataset/seed-3", "dataset/seed-5"])]
)
def test_a_replicate_trains_on_real_images_of_its_own_where_it_repeats_the_data(settings, replicate, folders):
    settings |= {"replicates": [3, 5], "replicate": replicate}
    settings["arms"] = {"fresh": {"iterations": 2, "real": "fresh", "curate": ["match_histograms"]}}
    experiment, folder = load(settings), folders[-1]
    assert data_folders(experiment) == folders
    assert compose_inputs(experiment, Cell("fresh", 5, 1))["real"] == [f"{folder}/images.zip"]
    assert compose_inputs(experiment, Cell("fresh", 5, 2))["real"] == [f"{folder}/fresh/1.zip"]
    assert curate_inputs(experiment, Cell("fresh", 5, 2), 1)["real"] == [f"{folder}/images.zip"]
    of_base = compared_inputs(experiment, Cell("base", 5, 0))
    assert of_base == {"training": [], "training_features": [f"{folder}/images-clip_score.safetensors"]}
