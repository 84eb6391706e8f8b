"""What is due after a run that failed or was stopped, and what must not be shown until then.

Snakemake removes the outputs of a job that it runs again and of one that fails. It plans a missing file only where
a target or a due job asks for it: where later files are still there, a job that has failed would be forgotten.
"""

from collections.abc import Collection
from typing import Any


def plan_what_is_missing(dag: type, optional: Collection[str]) -> None:
    """Make each job due that lacks an output, whatever the target; temporary outputs may be missing.

    It costs the plan no measurable time; as targets of `all` the same files cost a tenth of it, and a run that
    names another target would still forget them.

    Args:
        dag: Snakemake's class of that name, changed in place.
        optional: other files that may be missing until a due job reads them.
    """
    check_incomplete = dag.check_incomplete  # type: ignore[attr-defined]

    async def and_missing(self: Any) -> None:
        await check_incomplete(self)
        if not self.workflow.is_main_process:  # A job of a cluster plans only what the main process has asked of it.
            return
        for job in self.jobs:
            stays = [file for file in job.output if not file.flags.get("temp") and file not in optional]
            if missing := [file for file in stays if not await file.exists()]:
                self.reason(job).missing_output.update(missing)

    dag.check_incomplete = and_missing  # type: ignore[attr-defined]


def order_by_ancient_inputs(dag: type) -> None:
    """Let ``ancient`` inputs say what runs before a job, and never that it is due.

    Snakemake 9.27.1 does not look at the reasons of a job after one that is due, and then leaves it out where all that
    is between them is ``ancient``: a reason of its own is overlooked (snakemake issue 4166). And it takes the job for
    due where such a file is missing, for example after its maker has failed.

    Args:
        dag: Snakemake's class of that name, changed in place.
    """
    update_needrun = dag.update_needrun  # type: ignore[attr-defined]

    async def without_ancient(self: Any, *arguments: Any, **options: Any) -> None:
        cut = [
            (maker, job, files)
            for job in self.jobs
            for maker, files in self.dependencies[job].items()
            if all(file.is_ancient for file in files)
        ]
        for maker, job, _ in cut:
            del self.depending[maker][job]
        await update_needrun(self, *arguments, **options)
        for maker, job, files in cut:
            self.depending[maker][job] = files

    dag.update_needrun = without_ancient  # type: ignore[attr-defined]


def withdraw(dag: Any, shown: Collection[str]) -> None:
    """Remove those of the files ``shown`` that are due, with the other outputs of their jobs.

    What shows the results of many jobs would otherwise outlive them where one of these jobs fails.

    Args:
        dag: Snakemake's plan of this run.
    """
    for job in dag.needrun_jobs():
        if not set(job.output).isdisjoint(shown):
            for file in job.output:
                dag.workflow.async_run(file.remove(remove_non_empty_dir=True))
