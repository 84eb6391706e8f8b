"""How long a graph of jobs takes on a number of devices.

Jobs are named; ``needs`` says which others each waits for, and must list a job after those that it needs.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Needs = Mapping[str, Sequence[str]]


class Span(NamedTuple):
    """When a job runs, in seconds from the start, and on which device; None: on none of them."""

    start: float
    end: float
    device: int | None


def tails(seconds: Mapping[str, float], needs: Needs) -> dict[str, float]:
    """Return, for each job, the seconds from its start to the end of the longest chain that waits for it."""
    after: dict[str, float] = defaultdict(float)
    result = {}
    for job in reversed(list(needs)):
        result[job] = seconds[job] + after[job]
        for needed in needs[job]:
            after[needed] = max(after[needed], result[job])
    return result


def critical_path(seconds: Mapping[str, float], needs: Needs) -> float:
    """Return the seconds of the longest chain: no number of devices is faster."""
    return max(tails(seconds, needs).values(), default=0.0)


def bounds(seconds: Mapping[str, float], needs: Needs, on_device: set[str], devices: int) -> tuple[float, float]:
    """Return the seconds that no schedule on ``devices`` goes below, and that no list schedule exceeds.

    A list schedule never lets a device idle while a job that could use it is ready. Its bound is Graham's
    (1969): while a device idles, a job of the longest chain runs; else all of them work. Jobs that use no
    device count in the chain alone.
    """
    work = sum(seconds[job] for job in on_device) / devices
    weighted = {job: time * (1 - 1 / devices) if job in on_device else time for job, time in seconds.items()}
    return max(work, critical_path(seconds, needs)), work + critical_path(weighted, needs)


def schedule(seconds: Mapping[str, float], needs: Needs, on_device: set[str], devices: int) -> dict[str, Span]:
    """Return a list schedule: whenever a device is free, the ready job with the longest tail gets it.

    Jobs that are not ``on_device`` start as soon as what they need exists.
    """
    tail = tails(seconds, needs)
    followers: dict[str, list[str]] = defaultdict(list)
    missing = {job: len(set(needed)) for job, needed in needs.items()}
    for job, needed in needs.items():
        for other in set(needed):
            followers[other].append(job)
    free, spans = list(range(devices)), dict[str, Span]()
    waiting, running = list[tuple[float, str]](), list[tuple[float, str]]()
    now, ready = 0.0, [job for job, count in missing.items() if not count]
    while ready or waiting or running:
        for job in ready:
            if job in on_device:
                heapq.heappush(waiting, (-tail[job], job))
            else:
                spans[job] = Span(now, now + seconds[job], None)
                heapq.heappush(running, (spans[job].end, job))
        while free and waiting:
            _, job = heapq.heappop(waiting)
            spans[job] = Span(now, now + seconds[job], heapq.heappop(free))
            heapq.heappush(running, (spans[job].end, job))
        now, done = heapq.heappop(running)
        if (device := spans[done].device) is not None:
            heapq.heappush(free, device)
        ready = []
        for job in followers[done]:
            missing[job] -= 1
            if not missing[job]:
                ready.append(job)
    return spans
