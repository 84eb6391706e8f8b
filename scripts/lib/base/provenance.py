"""What made an output: a small JSON beside each expensive one."""

import inspect
import os
import platform
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from scripts.lib.base.atomic import write_json
from scripts.lib.base.hashes import content, sha256

PACKAGES = (
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "numpy",
    "pillow",
    "scikit-image",
    "deepface",
    "onnxruntime",
)


@contextmanager
def recording(path: Path, inputs: Iterable[Path | None], parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Time the block and write ``path`` when it succeeds.

    The JSON holds the inputs with their SHA-256, the parameters, package versions, the device,
    the node (and SLURM job, where there is one), seconds, and peak memory in MiB.

    Yields:
        A dictionary; what the block puts there is recorded too.
    """
    started = time.time()
    results: dict[str, Any] = {}
    yield results
    record = {
        "inputs": {str(path): _identity(path) for path in inputs if path is not None},
        "parameters": {key: _plain(value) for key, value in parameters.items()},
        "results": results,
        "versions": _versions(),
        "machine": {
            "node": os.environ.get("SLURMD_NODENAME", platform.node()),
            "slurm_job": os.environ.get("SLURM_JOB_ID"),
            **_device(),
        },
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 2),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    write_json(path, record)


def arguments() -> dict[str, Any]:
    """Return the arguments of the calling function by name, and none of its other variables.

    A section of the configuration is not there by its name, but each of its keys is.
    """
    names, _, _, variables = inspect.getargvalues(inspect.stack(context=0)[1].frame)
    found: dict[str, Any] = {}
    for name in names:
        value = variables[name]
        found |= value.model_dump() if hasattr(value, "model_dump") else {name: value}
    return found


def _identity(path: Path) -> str:
    """Return a SHA-256; a model has gigabytes and is read by every job, so that its hash is taken once."""
    return content(path) if path.is_dir() else sha256(path)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: a path as text, in lists too."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _versions() -> dict[str, str]:
    """Return the versions of the installed packages; no job's environment has them all."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def _device() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return {"device": "cpu", "gpus": 0, "threads": torch.get_num_threads() if torch else 1}
    return {
        "device": torch.cuda.get_device_name(),
        "gpus": torch.cuda.device_count(),
        "peak_gpu_memory_mib": torch.cuda.max_memory_allocated() // 2**20,
    }
