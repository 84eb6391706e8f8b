"""Before a run submits its first job: how it is planned, what SLURM needs (then and in each job), what a rerun does."""

import os
import shutil

from snakemake import common
from snakemake.dag import DAG
from snakemake.jobs import Job

from scripts.lib.base import fence
from scripts.lib.cluster import slurm
from scripts.lib.planning import rerun
from scripts.lib.planning.signatures import remember_signatures

# Models are large: one that was removed is trained again when a job needs it. `finetune.json` stands for it.
MODELS = {f"{PLACE}/{path}" for cell in cells(EXPERIMENT) for path in model_folders(cell)}
remember_signatures(common)
rerun.order_by_ancient_inputs(DAG)
rerun.plan_what_is_missing(DAG, optional=MODELS | set(EXPERIMENT.downloads))

TOKENS = Path(".snakemake/fence").absolute()

if workflow.remote_exec and "SLURM_JOB_ID" in os.environ:
    slurm.fence_jobs(Job, TOKENS)


onstart:
    # To keep to its default limit of submissions, Snakemake 9.27.1 leaves behind a timer with each job that wakes its
    # scheduler every second from then on: after 200 jobs it takes a third of a core. Without the limit jobs alone do.
    limit = workflow.scheduling_settings.max_jobs_per_timespan
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None
    if workflow.executor_plugin.name == "slurm":
        import snakemake_executor_plugin_slurm

        slurm.hold(Path(".snakemake/slurm.lock"))
        slurm.cancel_orphans(workflow.executor_settings.jobname_prefix, Path.cwd())
        fence.clear(TOKENS)
        slurm.mend(snakemake_executor_plugin_slurm)
    if not workflow.touch:
        rerun.withdraw(workflow.dag, shown=rules.all.input.shown)


onsuccess:  # Of several such blocks Snakemake keeps the last.
    # What a figure cannot show is in its log, which nobody opens after a run that succeeded.
    for line in status.warnings(Path(PLACE) / "logs"):
        print(line, file=sys.stderr, flush=True)
    if workflow.executor_plugin.name == "slurm":
        shutil.rmtree(TOKENS, ignore_errors=True)
