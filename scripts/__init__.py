import os

# Compute nodes have no network, and no job needs one: weights are files, which download_repository fetches.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
