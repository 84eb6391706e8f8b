"""What the counted operations take on the cards that clusters have, precision by precision."""

import pandas as pd

# Peaks of NVIDIA's data sheets in 10^12 operations per second, without sparsity: A100 SXM (2021), H100 SXM (2023).
PEAKS = {
    ("A100", "float32"): 19.5,
    ("A100", "TF32"): 156.0,
    ("A100", "bfloat16"): 312.0,
    ("H100", "float32"): 67.0,
    ("H100", "TF32"): 494.7,
    ("H100", "bfloat16"): 989.4,
}


def table(flops: float, utilization: float) -> pd.DataFrame:
    """Return ``card, precision, teraflops, hours``: GPU-hours of so many operations at a share of each peak.

    Args:
        flops: floating-point operations.
        utilization: the share of the peak that a run reaches, 0 to 1.
    """
    return pd.DataFrame(
        [
            {
                "card": card,
                "precision": precision,
                "teraflops": peak,
                "hours": flops / (peak * utilization * 1e12) / 3600,
            }
            for (card, precision), peak in PEAKS.items()
        ]
    )
