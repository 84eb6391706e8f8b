"""Before a run submits its first job. What SLURM needs: see scripts/lib/cluster/slurm.py."""

from scripts.lib.cluster import slurm


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
        slurm.mend(snakemake_executor_plugin_slurm)
