import gc
import os

# Compute nodes have no network, and no job needs one: weights are files, which download_repository fetches.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# What torch and diffusers define when they are imported lives to the end of the job: searched for garbage as often as
# Python's default of 700 new objects has it, a job starts a tenth slower.
gc.set_threshold(100_000)
