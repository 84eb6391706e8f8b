"""Random seeds that depend on what is drawn, never on how the work is split."""

import hashlib


def seed_of(*parts: str | int) -> int:
    """Return a 63-bit seed that is a function of ``parts`` and nothing else.

    Every random draw of the workflow names what it draws, e.g.
    ``seed_of(experiment_seed, replicate, iteration, "generated", index)``. So the number of shards,
    the batch size, the order of jobs and the arm never change an image's noise (``StackedRandomGenerator``
    of NVlabs/edm2 does the same for one process).
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
