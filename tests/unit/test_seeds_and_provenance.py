"""Random draws by what they draw, and the record of what made an output."""

import hashlib
import json

import pytest

from scripts.lib.base.provenance import arguments, recording, sha256
from scripts.lib.base.seeds import seed_of


def test_a_seed_is_the_same_on_every_machine_and_fits_every_generator():
    assert seed_of(0, 7, 3, "generated", 12) == 6030604507960024861
    assert all(0 <= seed_of(0, i) < 2**63 for i in range(1000))


def test_seeds_of_different_draws_differ():
    parts = [(a, b, c) for a in range(12) for b in range(12) for c in ("x", "y")]
    assert len({seed_of(*p) for p in parts}) == len(parts)
    assert seed_of(1, 11) != seed_of(11, 1) != seed_of(111)


def test_a_record_holds_inputs_parameters_and_results(tmp_path):
    (tmp_path / "input.csv").write_text("a")
    with recording(
        tmp_path / "record.json", [tmp_path / "input.csv", None], {"path": tmp_path, "rate": 0.1}
    ) as results:
        results["loss"] = [1, 0.5]
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["inputs"] == {str(tmp_path / "input.csv"): hashlib.sha256(b"a").hexdigest()}
    assert record["parameters"] == {"path": str(tmp_path), "rate": 0.1}
    assert record["results"] == {"loss": [1, 0.5]}
    assert record["peak_memory_mib"] > 10
    assert record["versions"].keys() >= {"python", "torch", "diffusers"}


def test_a_failure_leaves_no_record(tmp_path):
    with pytest.raises(ZeroDivisionError), recording(tmp_path / "record.json", [], {}):
        _ = 1 / 0
    assert not list(tmp_path.iterdir())


def test_a_missing_input_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        sha256(tmp_path / "lost.csv")


def test_the_hash_of_a_folder_covers_names_and_contents(tmp_path):
    hashes = set()
    for name, content in (("a", "1"), ("b", "1"), ("a", "2")):
        folder = tmp_path / f"{name}{content}"
        folder.mkdir()
        (folder / name).write_text(content)
        hashes.add(sha256(folder))
    assert len(hashes) == 3


def test_arguments_are_those_of_the_function_and_no_other_variables() -> None:
    def called(first: int, second: str = "b") -> dict[str, object]:  # noqa: ARG001
        later = first + 1
        return arguments() | {"seen": later}

    assert called(1) == {"first": 1, "second": "b", "seen": 2}
