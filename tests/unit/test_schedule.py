"""The time that a graph of jobs takes, against an example worked out by hand."""

import random
from itertools import pairwise

import pytest

from scripts.lib.planning.schedule import bounds, critical_path, schedule, tails

# a ── b ── d ;  c ── d ;  a ── e, which uses no device.
NEEDS = {"a": [], "b": ["a"], "c": [], "d": ["b", "c"], "e": ["a"]}
SECONDS = {"a": 3.0, "b": 2.0, "c": 4.0, "d": 1.0, "e": 2.5}
ON_DEVICE = {"a", "b", "c", "d"}


def test_tails_are_the_longest_chains_to_the_end():
    assert tails(SECONDS, NEEDS) == {"a": 6, "b": 3, "c": 5, "d": 1, "e": 2.5}
    assert critical_path(SECONDS, NEEDS) == 6


def test_one_device_does_one_job_after_the_other():
    spans = schedule(SECONDS, NEEDS, ON_DEVICE, 1)
    assert {job: (span.start, span.end) for job, span in spans.items()} == {
        "a": (0, 3),
        "c": (3, 7),
        "b": (7, 9),
        "d": (9, 10),
        "e": (3, 5.5),
    }
    assert spans["e"].device is None


def test_two_devices_are_as_fast_as_the_critical_path():
    spans = schedule(SECONDS, NEEDS, ON_DEVICE, 2)
    assert spans["c"][:2] == (0, 4)
    assert spans["d"][:2] == (5, 6)
    assert max(span.end for span in spans.values()) == 6


@pytest.mark.parametrize(("devices", "expected"), [(1, (10, 12.5)), (2, (6, 9.0)), (5, (6, 6.9))])
def test_bounds_are_graham_s_with_jobs_beside_the_devices(devices, expected):
    # Work 10. The heaviest chain, its device jobs weighted by 1 - 1/k: k=1 e 2.5; k=2 a+e 4; k=5 a+e 4.9.
    assert bounds(SECONDS, NEEDS, ON_DEVICE, devices) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(20))
def test_a_schedule_keeps_the_order_the_devices_and_its_bounds(seed):
    rng = random.Random(seed)
    names = [str(number) for number in range(40)]
    needs = {name: rng.sample(names[:index], min(index, rng.randrange(3))) for index, name in enumerate(names)}
    seconds = {name: rng.choice([0.0, rng.random()]) for name in names}
    on_device = set(rng.sample(names, 25))
    devices = rng.randrange(1, 5)
    spans = schedule(seconds, needs, on_device, devices)
    assert set(spans) == set(names)
    for name, needed in needs.items():
        assert all(spans[other].end <= spans[name].start for other in needed)
    for device in range(devices):
        taken = sorted((span.start, span.end) for span in spans.values() if span.device == device)
        assert all(before[1] <= after[0] for before, after in pairwise(taken))
    lower, upper = bounds(seconds, needs, on_device, devices)
    assert lower - 1e-9 <= max(span.end for span in spans.values()) <= upper + 1e-9
