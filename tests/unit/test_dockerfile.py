"""The container has the packages of the locks: those of every rule and of the workflow, with CUDA and without."""

import re
import shutil
import subprocess

from packaging.utils import canonicalize_name

from scripts.lib.base.code import ROOT

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")


def locks() -> list[str]:
    """Return the locks that the image copies."""
    (copied,) = re.findall(r"^COPY (.*) \./$", TEXT, flags=re.M)
    return copied.split()


def names(text: str) -> set[str]:
    return {canonicalize_name(name) for name in re.findall(r"^([A-Za-z0-9][\w.-]*)==", text, flags=re.M)}


def test_the_image_has_the_environments_of_every_rule():
    rules = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk"))
    needed = {*re.findall(r'"\.\./envs/(\w+)\.yaml"', rules), "workflow"}
    assert set(locks()) == {f"envs/{name}.lock.txt" for name in needed}


def test_the_docker_context_has_the_locks():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored == ["*", "!envs/*.lock.txt"]


def test_without_cuda_all_but_cuda_is_locked_by_hash(tmp_path):
    """The image's own commands, without those of pip."""
    for lock in locks():
        shutil.copy(ROOT / lock, tmp_path)
    for command in re.findall(r"^RUN (.*)$", TEXT, flags=re.M):
        words = " && ".join(part for part in command.split("&&") if "pip install" not in part)
        subprocess.run(["bash", "-o", "pipefail", "-ec", words or "true"], cwd=tmp_path, check=True)
    everything, cpu, torch = ((tmp_path / name).read_text() for name in ("all.txt", "cpu.txt", "torch.txt"))
    assert names(torch) == {"torch", "torchvision"}
    cuda = names(everything) - names(cpu) - names(torch)
    assert {"triton", "cuda-bindings", "nvidia-cudnn-cu13"} <= cuda
    assert {name for name in cuda if not re.match("cuda|nvidia|triton", name)} == set()
    assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=[a-z0-9])", cpu) if "==" in entry)
    pinned = re.findall(r"- (torch(?:vision)?==\S+)", (ROOT / "envs/diffusion.yaml").read_text(encoding="utf-8"))
    assert torch.split() == sorted(pinned)


def test_each_kind_of_image_installs_nothing_beside_the_locks():
    for stage in TEXT.split("\nFROM ")[2:]:  # The first one is what both start from.
        installs = re.findall(r"pip install ([^&\n]*)", stage)
        assert all("--no-deps" in words for words in installs)
        assert "--require-hashes" in installs[0]
