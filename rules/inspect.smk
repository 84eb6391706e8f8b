"""Look at an experiment and run nothing of it: what it will cost, and how far it is.

Both targets answer on the terminal, again each time, so they have no outputs; the plan's page is no one's input.
"""

from scripts.lib.planning import status
from scripts.lib.planning.jobs import jobs


rule plan:
    input:
        beside_a_run,
        on_disk,
    log:
        "<logs>/plan.log",
    localrule: True
    conda:
        "../envs/diffusion.yaml"
    params:
        configuration=lambda wildcards: in_file({"configuration": EXPERIMENT.model_dump_json(exclude_unset=True)}),
        results=RESULTS,
    shell:
        "python -m scripts.plan {params.configuration} --results {params.results}"
        " --page {params.results}/plan.html 2> {log} || (cat {log} >&2; exit 1)"


rule status:
    input:
        beside_a_run,
        on_disk,
    log:
        "<logs>/status.log",
    localrule: True
    conda:
        "../envs/diffusion.yaml"
    params:
        configuration=lambda wildcards: in_file({"configuration": EXPERIMENT.model_dump_json(exclude_unset=True)}),
        results=RESULTS,
    shell:
        "python -m scripts.status {params.configuration} --results {params.results} 2> {log}"
        " || (cat {log} >&2; exit 1)"


onerror:
    # A long log ends with "at least one job did not complete"; this says which, and where its own log is.
    if not STORED:  # Of what is stored elsewhere, outputs are gone from the disk, and logs are not.
        states = status.states_of(jobs(EXPERIMENT), Path(RESULTS), making=set())
        if failed := status.listed(states, "failed", Path(RESULTS)):
            print("Failed:", *failed, sep="\n", file=sys.stderr, flush=True)
