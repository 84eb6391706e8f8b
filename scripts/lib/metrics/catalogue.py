"""All metrics, in the order in which figures and pages show them."""

from scripts.lib.base.kinds import kinds
from scripts.lib.metrics.metric import Metric

FIRST = ("frechet_distance", "kernel_distance", "clip_score", "vendi_score")


def catalogue() -> dict[str, Metric]:
    """Return every metric by name: those of the paper first, the others in the order of their files."""
    found = {name: metric for kind in kinds("metrics").values() for name, metric in kind.METRICS.items()}
    return {name: found[name] for name in (*FIRST, *sorted(set(found) - set(FIRST), key=list(found).index))}
