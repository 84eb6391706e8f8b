"""The files of a configuration: what YAML and their order would swallow without a word."""

import copy
from pathlib import Path

import pytest
import yaml

from scripts.lib.base.code import ROOT
from scripts.lib.experiment.config.files import check_order, check_text, lacking
from scripts.lib.experiment.config.load import ConfigurationError, load


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nseed: 2\n", "line 2: `seed` is given twice, first in line 1; remove or rename one"),
        ("arms:\n  a: {}\n  a: {synthetic: 1}\n", "line 3: `arms.a` is given twice, first in line 2"),
        ("finetune: {epochs: 1}\nseed: 1\nfinetune:\n  epochs: 2\n", "line 3: `finetune` is given twice"),
        ('{"seed": 1,\n "seed": 2}', "line 2: `seed` is given twice"),
        ("- {a: 1, a: 2}\n", "line 1: `a` is given twice"),
        ("execution: {shard_minutes: 1:30}\n", "YAML reads 1:30 as 90; write 90, or '1:30' for a text"),
        ("seed: 010\n", "line 1: `seed`: YAML reads 010 as 8; write 8"),
        ("map: {x: -1:10.5}\n", "YAML reads -1:10.5 as -70.5"),
    ],
)
def test_what_yaml_would_swallow_is_refused_with_its_line(tmp_path, text, message):
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        check_text([file])
    assert str(file) in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n",
        "a: {x: 1}\nb: {x: 1}\n",
        "a: [10, 0, 0.5, 1_000, 2.0e-6, -1]\nb: '1:30'\nc: \"010\"\nd: 00:30:00 to 01:00:00\n",
        "\ufeffa: 1\r\nb: 2\r\n",
        "",
        '{\n\t"a": 1\n}',
    ],
)
def test_what_yaml_reads_as_it_is_written_passes(tmp_path, text):
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    check_text([file])


def test_every_oddity_of_every_file_is_reported_at_once(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("x: 1\nx: 010\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        check_text([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert len(str(error.value).splitlines()) == 5


@pytest.mark.parametrize(
    "path", sorted([ROOT / "config.yaml", *(ROOT / "config").glob("*.yaml")]), ids=lambda p: p.name
)
def test_the_workflows_own_files_are_as_they_are_read(path):
    check_text([path])


@pytest.fixture
def home(tmp_path, settings):
    """A workflow's folder with a whole configuration, and an overlay beside it."""
    other = copy.deepcopy(settings) | {"arms": {"other": {}}}
    files = {
        "config.yaml": settings,
        "config/other.yaml": other,
        "overlay.yaml": {"experiment": "quick", "arms": {"mixed": None, "new": {"iterations": 1}}},
    }
    (tmp_path / "config").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    return tmp_path


def merged(settings):
    return settings | {"experiment": "quick", "arms": {"mixed": None, "new": {"iterations": 1}}}


def test_a_base_and_its_overlay_pass(home, settings):
    check_order([home / "config.yaml", home / "overlay.yaml"], merged(settings), home)


def test_an_overlay_alone_is_told_its_base(home):
    alone = yaml.safe_load((home / "overlay.yaml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigurationError) as error:
        check_order([home / "overlay.yaml"], alone, home)
    assert "lacks `model`, `dataset`" in str(error.value)
    # Not config/other.yaml, which has no arm `mixed` to remove.
    assert str(error.value).splitlines()[1:] == [f"  --configfile {home}/config.yaml {home}/overlay.yaml"]


def test_an_overlay_before_its_base_is_told_the_order(home, settings):
    message = f"Overlays come after their base: --configfile {home}/config.yaml {home}/overlay.yaml"
    with pytest.raises(ConfigurationError, match=message):
        check_order([home / "overlay.yaml", home / "config.yaml"], settings, home)


def test_a_removal_of_no_arm_is_refused(home, settings):
    (home / "overlay.yaml").write_text("arms: {mixd: null}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"`arms\.mixd` is null, .* none has it \(they have \['mixed'\]\)"):
        check_order([home / "config.yaml", home / "overlay.yaml"], settings | {"arms": {"mixed": {}}}, home)


def test_what_a_configuration_lacks_is_named_with_dots(settings):
    assert lacking(settings) == []
    del settings["model"], settings["dataset"]["attributes"]
    assert lacking(settings) == ["model", "dataset.attributes"]


def test_weights_that_the_working_directory_has_not_are_the_workflows(settings, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "workflow/models/both").mkdir(parents=True)
    (tmp_path / "workflow/models/brought").mkdir()
    (tmp_path / "here/models/both").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    brought = str(tmp_path / "workflow/models/brought")
    settings |= {
        "model": "models/brought",
        "score": {"clip": "models/both", "features": {"fid": {"network": "clip", "weights": "models/none"}}},
        "downloads": {"models/brought": {"url": "https://x.org/y", "sha256": "0" * 64}},
    }
    experiment = load(settings, Path("../workflow").resolve())
    assert (experiment.model, experiment.score.clip) == (brought, "models/both")
    assert experiment.score.features["fid"].weights == "models/none"
    assert list(experiment.downloads) == [brought]
    assert load(settings).model == "models/brought"
