"""Demographic groups: one value of each attribute, and the name that stands for them in tables and file names."""

import itertools
import re
from collections.abc import Mapping, Sequence

LONGEST = 200  # Bytes. A file system takes names of 255, and the files of a group add a number and an ending.
NOT_IN_A_NAME = re.compile(r"[ /\\\x00-\x1f\x7f]")


def groups(attributes: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    """Return the groups by name, e.g. ``man-dark-old``; in a name, a space or a slash of a value is an underscore.

    Raises:
        ValueError: two groups would have one name, or a name is too long for a file.
    """
    found: dict[str, dict[str, str]] = {}
    for values in itertools.product(*attributes.values()):
        name = NOT_IN_A_NAME.sub("_", "-".join(values))
        if name in found:
            raise ValueError(f"two groups would both be called {name!r}; rename one of their values")
        if len(name.encode()) > LONGEST:
            raise ValueError(
                f"the name of the group {name[:40]!r}... has more than {LONGEST} bytes; shorten its values"
            )
        found[name] = dict(zip(attributes, values, strict=True))
    return found
