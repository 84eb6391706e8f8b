"""Outputs appear whole or not at all."""

import json
import signal
import subprocess
import sys
import textwrap

import pytest

from scripts.lib.base.atomic import replacing, write_json
from scripts.lib.base.code import ROOT


def contents(folder):
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}


def interrupted_write(path):
    path.parent.mkdir(exist_ok=True)
    path.write_text("half")
    raise KeyboardInterrupt


def test_a_file_and_the_folders_above_it_appear(tmp_path):
    with replacing(tmp_path / "new" / "folder" / "a.txt") as temporary:
        assert temporary.parent.parent == tmp_path / "new" / "folder", "a rename must not cross file systems"
        temporary.write_text("whole")
        assert not (tmp_path / "new" / "folder" / "a.txt").exists()
    assert contents(tmp_path) == {"a.txt": "whole"}


def test_an_exception_leaves_the_old_file_and_no_temporary(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.txt") as temporary:
        interrupted_write(temporary)
    assert contents(tmp_path) == {"a.txt": "old"}


def test_a_folder_replaces_the_old_folder_as_a_whole(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "stale.txt").write_text("old")
    with replacing(tmp_path / "model") as temporary:
        temporary.mkdir()
        (temporary / "config.txt").write_text("new")
    assert contents(tmp_path) == {"config.txt": "new"}


def test_an_exception_leaves_the_old_folder_and_no_temporary(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "model") as temporary:
        interrupted_write(temporary / "config.txt")
    assert contents(tmp_path) == {"config.txt": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_block_that_writes_nothing_is_an_error_and_leaves_the_old_folder(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.txt").write_text("old")
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "model"):
        pass
    assert contents(tmp_path) == {"config.txt": "old"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_json_does_not_have(tmp_path, value):
    write_json(tmp_path / "a.json", {"value": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"value": value})
    assert json.loads((tmp_path / "a.json").read_text()) == {"value": 1}
    assert len(list(tmp_path.iterdir())) == 1


def python(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_full_disk_leaves_nothing_half_written(tmp_path):
    (tmp_path / "set.zip").write_text("old")
    process = python(
        """
        import resource, signal, sys
        from pathlib import Path
        import numpy as np, pandas as pd
        from scripts.lib.base import imageset

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        images = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), np.uint8)
        table = pd.DataFrame({"file_name": [f"{i}.png" for i in range(20)]})
        imageset.write(Path(sys.argv[1]), table, images)
        """,
        tmp_path / "set.zip",
    )
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "OSError: [Errno 27] File too large" in errors
    assert contents(tmp_path) == {"set.zip": "old"}


def test_a_canceled_script_leaves_nothing_half_written(tmp_path):
    process = python(
        """
        import sys, time
        from pathlib import Path
        from scripts.cli import run
        from scripts.lib.base.atomic import replacing

        def main(output: Path) -> None:
            with replacing(output) as temporary:
                temporary.write_text("half")
                print("writing", flush=True)
                time.sleep(60)

        run(main)
        """,
        tmp_path / "a.txt",
    )
    assert process.stdout.readline() == "writing\n"
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert contents(tmp_path) == {}
