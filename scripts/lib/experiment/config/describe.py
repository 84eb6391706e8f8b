"""The configuration as rows for a reader of the report."""

from collections.abc import Iterator, Mapping
from typing import Any

from scripts.lib.experiment.config.arm import Arm
from scripts.lib.experiment.config.choice import Choice
from scripts.lib.experiment.config.experiment import OVERRIDABLE, Experiment
from scripts.lib.experiment.config.section import Section


def describe(experiment: Experiment) -> list[dict[str, str]]:
    """Return key, value and meaning of every setting that can change a result or a figure; an arm is one row."""
    sections = experiment.model_dump(exclude={"defaults", "arms", "execution"})
    rows = [
        {"key": key, "value": _words(value), "meaning": meaning}
        for key, value, meaning in _settings(experiment, sections)
    ]
    for row in rows:
        if row["key"] == "generate.guidance_scale":
            row["value"] = _bias(experiment.generate.guidance_scale)
    usual = Arm(**{key: getattr(experiment, key) for key in OVERRIDABLE}).model_dump()
    for name, arm in experiment.arms.items():
        shown = {"synthetic": arm.synthetic, "iterations": arm.iterations}
        own = {key: value for key, value in arm.model_dump().items() if value != usual[key] and key not in shown}
        if arm.curate:
            own["curate"] = ", ".join(_step(step, experiment.curation) for step in arm.curate)
        for key in set(OVERRIDABLE) & set(own):
            own[key] = {name: value for name, value in own[key].items() if value != usual[key][name]}
            if "guidance_scale" in own[key]:
                own[key]["guidance_scale"] = _bias(own[key]["guidance_scale"])
        if "sources" in own:
            own["sources"] = ", ".join(f"{100 * part.share:.3g} % {source}" for source, part in arm.sources.items())
        rows.append({"key": f"arms.{name}", "value": _words(shown | own), "meaning": "An arm: what it does not share."})
    return rows


def _bias(guidance: float) -> str:
    """Return a guidance scale with the sampling bias λ that it is (Alemohammad et al. 2024)."""
    return f"{guidance:g} (λ = {1 / guidance:.3g})"


def _step(step: Choice, shared: Section) -> str:
    """Return a step's name, with the settings in which it differs from those of all arms, if there are any."""
    usual = getattr(shared, step.kind) or type(step.settings).model_construct()
    own = {key: value for key, value in step.settings if value != getattr(usual, key, None)}
    return f"{step.kind} ({_words(own)})" if own else step.kind


def _settings(section: Section, values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    for key, value in values.items():
        inner = getattr(section, key)
        if isinstance(inner, Section):
            yield from _settings(inner, value, f"{prefix}{key}.")
        elif inner is not None or type(section).model_fields[key].description:  # Not a kind that nothing names.
            yield f"{prefix}{key}", value, type(section).model_fields[key].description or ""


def _words(value: Any) -> str:
    """Return a value as a reader of the report wants it: ``none``, ``a / b`` or ``key: value; key: value``."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_words(item)}" for key, item in value.items())
    return " / ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)
