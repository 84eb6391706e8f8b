"""A shorter plan of many jobs."""

import inspect
from functools import lru_cache
from types import ModuleType, SimpleNamespace

MOST = 4096  # Functions whose signature is kept; an experiment's rules have some hundred, whatever its size.


def remember_signatures(common: ModuleType) -> None:
    """Let Snakemake read the signature of each function of a rule once, and not once per job.

    Snakemake 9.27.1 reads it for each input, parameter and resource of each job that is a function: a seventh of the
    processor time of the plan of 8,510 jobs.

    Args:
        common: the module ``snakemake.common``, changed in place.
    """
    common.inspect = SimpleNamespace(**vars(inspect) | {"signature": lru_cache(MOST)(inspect.signature)})  # type: ignore[attr-defined]
