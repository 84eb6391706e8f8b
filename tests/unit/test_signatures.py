"""Signatures of a rule's functions that are read once."""

import inspect
from types import SimpleNamespace

import pytest
from snakemake import common

from scripts.lib.planning.signatures import remember_signatures


class Memory:
    """A resource, whose method Snakemake asks for by a new object each time."""

    def evaluate(self, wildcards, attempt):
        """Return some megabytes."""


@pytest.fixture
def read(monkeypatch):
    """Count the signatures that Snakemake reads, and let it remember them for the time of a test."""
    found = []

    def signature(function):
        found.append(function)
        return inspect.Signature.from_callable(function)

    monkeypatch.setattr("inspect.signature", signature)
    changed = SimpleNamespace(inspect=inspect)
    remember_signatures(changed)  # type: ignore[arg-type]
    monkeypatch.setattr(common, "inspect", changed.inspect)
    return found


def test_each_function_is_read_once_and_as_it_is(read):
    memory = Memory()

    def share(wildcards, input):
        return wildcards, input

    for _ in range(3):
        assert list(common.get_function_params(share)) == ["wildcards", "input"]
        assert list(common.get_function_params(memory.evaluate)) == ["wildcards", "attempt"]
        assert list(common.get_input_function_aux_params(share, {"input": [], "attempt": 1})) == ["input"]
    assert len(read) == 2


@pytest.mark.usefixtures("read")
def test_what_else_snakemake_inspects_is_as_before():
    assert common.inspect.stack is inspect.stack
