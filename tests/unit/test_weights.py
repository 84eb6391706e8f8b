"""Downloads: what brings which weights, what identifies them, and fetching from a hub of the test's own."""

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from huggingface_hub.errors import GatedRepoError

from scripts import download_file
from scripts.lib.base.code import ROOT
from scripts.lib.base.deepface import DEEPFACE_WEIGHTS
from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.config.load import load
from scripts.lib.weights import configured as weights
from scripts.lib.weights import download

REVISION = "0123456789abcdef0123456789abcdef01234567"
MINIATURE = ROOT / "models/miniature"


@pytest.fixture
def experiment(settings) -> Experiment:
    hub = {"repository": "a/b", "revision": REVISION}
    settings |= {
        "model": "models/sd",
        "downloads": {"models/sd": hub, "models/inception.pth": {"url": "https://x/y", "sha256": "01234567"}},
    }
    settings["rewards"]["single_image_distance"]["features"]["weights"] = "models/sd/vae"
    settings["score"] = {
        "clip": str(MINIATURE / "clip"),
        "features": {"fid": {"network": "inception", "weights": "models/inception.pth"}},
    }
    return load(settings)


def test_a_download_brings_its_path_and_what_lies_in_it(experiment):
    assert weights.download_of(experiment, "models/sd") == "models/sd"
    assert weights.download_of(experiment, "models/sd/vae") == "models/sd"
    assert weights.download_of(experiment, "models/sd-2") is None


def test_a_pin_identifies_weights_before_and_after_they_arrive(experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = weights.identity(experiment, "models/sd/vae")
    shutil.copytree(MINIATURE, "models/sd")
    weights.record_fetched(Path("models/sd"), "a/b", REVISION, None)
    assert weights.identity(experiment, "models/sd/vae") == before == f"a/b {REVISION}"


def test_weights_that_somebody_put_there_are_identified_by_their_content(experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(MINIATURE, "models/sd")
    before = weights.identity(experiment, "models/sd")
    assert REVISION not in before
    Path("models/sd/unet/diffusion_pytorch_model.safetensors").write_bytes(b"others")
    assert weights.identity(experiment, "models/sd") != before


def test_the_hash_of_a_file_identifies_it_wherever_it_is_published(experiment):
    assert weights.identity(experiment, "models/inception.pth") == "01234567"


def test_a_fetched_folder_that_was_changed_is_refused(experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(MINIATURE, "models/sd")
    weights.record_fetched(Path("models/sd"), "a/b", REVISION, None)
    weights.check(experiment)
    config = Path("models/sd/scheduler/scheduler_config.json")
    config.write_text(config.read_text() + " ")
    with pytest.raises(
        ModelError, match="models/sd: its files are no longer those that were fetched; remove the folder"
    ):
        weights.check(experiment)


def test_a_folder_that_was_fetched_with_another_pin_is_refused(experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(MINIATURE, "models/sd")
    weights.record_fetched(Path("models/sd"), "a/b", "f" * 40, None)
    with pytest.raises(ModelError, match=f"models/sd: was fetched with the revision f+, not {REVISION}; remove"):
        weights.check(experiment)


def test_a_resolution_that_the_model_cannot_make_is_refused(settings):
    settings["model"] = str(MINIATURE)
    settings["rewards"]["single_image_distance"]["features"]["weights"] = str(MINIATURE / "vae")
    features = {"network": "clip", "weights": str(MINIATURE / "clip")}
    settings["score"] = {"clip": str(MINIATURE / "clip"), "features": {"clip": features}}
    for resolution in (32, 64, 512):
        weights.check(load(settings | {"dataset": settings["dataset"] | {"resolution": resolution}}))
    for resolution in (30, 34, 36):
        with pytest.raises(ModelError, match=f"dataset.resolution: it is {resolution}, but .* multiples of 8 pixels"):
            weights.check(load(settings | {"dataset": settings["dataset"] | {"resolution": resolution}}))


def test_weights_that_are_still_to_come_are_no_error(experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights.check(experiment)


def test_weights_that_have_come_are_checked(experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("models/sd").mkdir(parents=True)
    with pytest.raises(ModelError, match="models/sd: no diffusers pipeline"):
        weights.check(experiment)
    shutil.copytree(MINIATURE, "models/sd", dirs_exist_ok=True)
    weights.check(experiment)
    Path("models/inception.pth").write_bytes(b"another file")
    with pytest.raises(ModelError, match=r"models/inception\.pth: its SHA-256 is .*, expected 01234567"):
        weights.check(experiment)


def test_missing_weights_that_nothing_brings_are_an_error(settings):
    with pytest.raises(ModelError, match=r"model: no diffusers pipeline there.*say under `downloads`"):
        weights.check(load(settings))


def test_a_file_appears_when_its_hash_is_right(tmp_path):
    (tmp_path / "source").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    url = (tmp_path / "source").as_uri()
    download_file.main(url=url, sha256=digest, output=tmp_path / "models/target")
    assert (tmp_path / "models/target").read_bytes() == b"weights"
    with pytest.raises(ModelError, match=f"its SHA-256 is {digest}, expected 0000"):
        download_file.main(url=url, sha256="0" * 8, output=tmp_path / "models/other")
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["target"]


class Hub(NamedTuple):
    """A hub with one repository, `a/b`, that serves the files of a folder and notes what was fetched."""

    address: str
    fetched: list[str]


@pytest.fixture
def hub(tmp_path) -> Iterator[Hub]:
    served = tmp_path / "served"
    shutil.copytree(MINIATURE, served)
    for decoy in ("v2-1.ckpt", "open_clip_model.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors"):
        (served / decoy).write_bytes(b"decoy")
    (served / "unet/diffusion_pytorch_model.bin").write_bytes(b"decoy")
    fetched: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/api/models/a/b"):
                names = sorted(str(file.relative_to(served)) for file in served.rglob("*") if file.is_file())
                files = [{"type": "file", "path": n, "oid": "0", "size": (served / n).stat().st_size} for n in names]
                siblings = [{"rfilename": name} for name in names]
                content: object = files if "/tree/" in path else {"id": "a/b", "sha": REVISION, "siblings": siblings}
                data = json.dumps(content).encode()
            else:
                name = path.removeprefix(f"/a/b/resolve/{REVISION}/")
                data = (served / name).read_bytes()
                if body:
                    fetched.append(name)
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", REVISION)
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Hub(f"http://127.0.0.1:{server.server_port}", fetched)
        server.shutdown()


def fetch(hub: Hub, output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    options = ["--repository", "a/b", "--revision", REVISION, "--output", str(output), *more]
    command = [sys.executable, "-m", "scripts.download_repository", *options]
    environment = os.environ | {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_repository_is_fetched_at_its_commit_without_pickles_and_variants(hub, tmp_path):
    result = fetch(hub, tmp_path / "models/sd")
    assert result.returncode == 0, result.stderr
    names = {str(path.relative_to(MINIATURE)) for path in MINIATURE.rglob("*") if path.suffix != ".md"}
    fetched = {str(path.relative_to(tmp_path / "models/sd")) for path in (tmp_path / "models/sd").rglob("*")}
    assert fetched == names | {weights.FETCHED}
    for path in (tmp_path / "models/sd").rglob("*.safetensors"):
        assert path.read_bytes() == (MINIATURE / path.relative_to(tmp_path / "models/sd")).read_bytes()
    assert not [name for name in hub.fetched if "decoy" in name or name.endswith((".bin", ".ckpt"))]


def test_a_repository_that_the_workflow_cannot_use_does_not_appear(hub, tmp_path):
    (tmp_path / "served/unet/config.json").write_text('{"in_channels": 9}')
    result = fetch(hub, tmp_path / "models/sd")
    assert result.returncode != 0
    assert "in_channels is 9" in result.stderr
    assert not (tmp_path / "models/sd").exists()


def test_the_files_that_are_named_are_fetched_and_no_others(hub, tmp_path):
    names = list(DEEPFACE_WEIGHTS.values())
    for name in [*names, "facenet512_weights.onnx", "age_model_weights.h5"]:
        (tmp_path / "served" / name).write_bytes(name.encode())
    files = [word for name in names for word in ("--files", name)]
    result = fetch(hub, tmp_path / "models/deepface", *files)
    assert result.returncode == 0, result.stderr
    assert {path.name for path in (tmp_path / "models/deepface").iterdir()} == {*names, weights.FETCHED}
    assert all((tmp_path / "models/deepface" / name).read_bytes() == name.encode() for name in names)
    assert set(hub.fetched) == set(names)


def test_a_file_that_the_repository_lacks_is_named(hub, tmp_path):
    result = fetch(hub, tmp_path / "models/deepface", "--files", "race_model_single_batch.onnx")
    assert result.returncode != 0
    assert f"a/b at {REVISION}: has no file race_model_single_batch.onnx" in result.stderr
    assert not (tmp_path / "models/deepface").exists()


def test_what_deepface_lacks_or_has_of_another_hash_is_found(settings, tmp_path):
    labels = {name: {"source": "deepface", "map": dict.fromkeys(["Woman", "Man"], "man")} for name in ("gender",)}
    settings["dataset"] = {
        "source": "folder",
        "path": "images",
        "attributes": {"gender": ["man"]},
        "prompt": "a {gender}",
        "classify": labels,
        "deepface": {"weights": str(tmp_path), "sha256": {"gender_model_weights.onnx": "0" * 64}},
    }
    settings |= {"model": str(MINIATURE), "figures": {"group": {"gender": "man"}}}
    settings["rewards"]["single_image_distance"]["features"]["weights"] = str(MINIATURE / "vae")
    features = {"network": "clip", "weights": str(MINIATURE / "clip")}
    settings["score"] = {"clip": str(MINIATURE / "clip"), "features": {"clip": features}}
    weights.check(load(settings))
    (tmp_path / "gender_model_weights.onnx").write_bytes(b"weights")
    with pytest.raises(
        ModelError, match=r"gender_model_weights.onnx: its SHA-256 is .*dataset.deepface.sha256 says 0+"
    ):
        weights.check(load(settings))


def test_jobs_work_offline():
    code = "import scripts.embed, huggingface_hub; print(huggingface_hub.is_offline_mode())"
    environment = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "True"


def test_a_gated_repository_says_how_to_get_in(monkeypatch, tmp_path):
    def refuse(*_: object, **__: object) -> None:
        response: Any = SimpleNamespace(headers={}, request=None)
        raise GatedRepoError("403 Client Error", response=response)

    monkeypatch.setattr(download, "snapshot_download", refuse)
    with pytest.raises(
        ModelError, match=r"a/b: .* consent; give it on https://huggingface\.co/a/b, log in with `hf auth"
    ):
        download.repository("a/b", REVISION, tmp_path / "model")
