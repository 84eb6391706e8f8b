"""Before a run on SLURM submits its first job: see scripts/lib/slurm.py. Nothing here happens on other executors."""

from scripts.lib import slurm


onstart:
    if workflow.executor_plugin.name == "slurm":
        import snakemake_executor_plugin_slurm

        slurm.hold(Path(".snakemake/slurm.lock"))
        slurm.cancel_orphans(workflow.executor_settings.jobname_prefix, Path.cwd())
        slurm.mend(snakemake_executor_plugin_slurm)
