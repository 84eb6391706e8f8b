"""Two writers of one output: the newer one takes over, the older one stops without writing.

SLURM queues a job again when it has given up the job's node, and Snakemake submits a failed job again. The first
writer may run on all the same: its `slurmd` died alone, or its node lost the network and came back.

**Protocol.** The jobs that make the same outputs share a folder on the file system of the run. A writer puts its
particulars in a file of its own there, and takes the *token*, the names 1, 2, 3, ... in turn, by hard links to that
file. The token belongs to whoever made the highest name.

- *Claim*, once, before anything is written or removed: link the first name that is free. Nobody is waited for. Only
  an earlier run of a SLURM job gives way to a later run of the same job, by the restart count.
- *Check*, before each rename and each removal: link the name after one's own last. Where another writer has it,
  this one is superseded, for good.
- *Write* (`atomic.replacing`): make a folder of one's own beside the output, remove those of other writers, write
  there, check, rename.

The order is that of the claims, not of job numbers: those start again when a controller loses its state, wrap at
`MaxJobId`, and differ between clusters. A job that is late with its claim can therefore supersede a newer one
of another number; that one fails, and its retry is the newest. At no time may two of them write.

**Why an older writer O never changes what a newer one N has written.** link(2) fails if the name exists, and the
server decides. Names are made in turn and stay, so N's claim takes the very name that O's next check wants. O renames
only after a check that was before N's claim, and its folder is older than its check. N removes that folder after its
claim and before it writes the same output. So either O's rename comes before N's, which replaces its result, or
O's rename fails: the server finds no such file. The same holds for the folder that O would move aside first.

**What this relies on.** Hard links within a folder, and that link, mkdir, unlink, rmdir and rename are atomic on the
server: NFS from version 3, Lustre, GPFS, CephFS, BeeGFS. A reply that was lost does no harm, since a name tells its
writer. No lock and no clock is used, and no client's cache is trusted: a name is read only once the server has said
that it exists, and a client that has just made a folder lists its parent from the server. A killed writer leaves
nothing that another waits for.

A run without SLURM has no token: every function here then does nothing.
"""

import errno
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

# The tokens of this process and its children: NUMBER:PATH of the writer's file, a line each.
TOKENS = "NEPOTISM_TOKENS"


class FencedError(RuntimeError):
    """A newer job writes the outputs of this one."""


class Token(NamedTuple):
    """A writer's own file, and the last name that it has made of it."""

    writer: Path
    number: int


def claim(folder: Path, owner: Mapping[str, Any]) -> None:
    """Take over what the jobs of ``folder`` make; this process and its children hold the token from now on.

    Args:
        folder: of the jobs that make the same outputs, and of no others.
        owner: who claims: ``job``, ``restarts`` (a count) and ``node``.

    Raises:
        FencedError: a later run of the same job has claimed already.
        OSError: the file system has no hard links.
    """
    folder.mkdir(parents=True, exist_ok=True)
    token = Token(folder / f"writer-{uuid4().hex[:16]}", 0)
    token.writer.write_text(json.dumps({**owner, "writer": token.writer.name}), encoding="utf-8")
    while other := _taken(token, token.number + 1):
        if other["job"] == owner["job"] and other["restarts"] > owner["restarts"]:
            raise FencedError(_superseded(token, other))
        token = token._replace(number=token.number + 1)
    _hold([*_held(), token._replace(number=token.number + 1)])


def check() -> None:
    """Make sure that this process may write.

    Raises:
        FencedError: a newer job has taken over, or a newer run of Snakemake has started in the folder.
    """
    if tokens := _held():
        _hold([_renewed(token) for token in tokens])


def writer() -> str:
    """Return a name for what this process writes: that of its token, which its children share, or its number."""
    tokens = _held()
    return tokens[-1].writer.name if tokens else str(os.getpid())


def held() -> bool:
    """Say whether this process has a token, whether or not it was superseded."""
    return bool(_held())


def clear(folder: Path) -> None:
    """Remove the tokens of earlier runs, so that their jobs stop where any is still alive, and see that links work.

    Args:
        folder: that of all tokens.

    Raises:
        OSError: the file system has no hard links; the message says what to do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.rename(folder.with_name(f"{folder.name}-{uuid4().hex[:16]}"))
    for removed in folder.parent.glob(f"{folder.name}-*"):
        # A name that a job makes meanwhile may be left until the next run; the writers' files are gone.
        shutil.rmtree(removed, ignore_errors=True)
    folder.mkdir()
    (folder / "writer").touch()
    try:
        os.link(folder / "writer", folder / "1")
    except OSError as error:
        raise OSError(
            error.errno,
            f"no hard links here ({error.strerror}), by which a job on SLURM sees that a newer one has taken over; "
            "run in a folder on a file system that has them",
            str(folder),
        ) from error


def _renewed(token: Token) -> Token:
    while other := _taken(token, token.number + 1):
        if other["writer"] != token.writer.name:
            raise FencedError(_superseded(token, other))
        token = token._replace(number=token.number + 1)  # Made by another process of this job, or the reply was lost.
    return token._replace(number=token.number + 1)


def _taken(token: Token, number: int) -> dict[str, Any] | None:
    """Take a name; return None, or the particulars of who has it."""
    name = token.writer.with_name(str(number))
    try:
        os.link(token.writer, name)
    except FileExistsError:
        return json.loads(name.read_text(encoding="utf-8"))
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ESTALE):
            raise
        raise FencedError(
            f"{token.writer} is gone: a newer run of Snakemake has started in this folder, or .snakemake was removed. "
            "This job stops without writing"
        ) from None
    return None


def _superseded(token: Token, other: Mapping[str, Any]) -> str:
    own = json.loads(token.writer.read_text(encoding="utf-8"))
    return f"{_named(other)} writes these outputs now. {_named(own)} stops without writing"


def _named(owner: Mapping[str, Any]) -> str:
    return f"SLURM job {owner['job']} (restart {owner['restarts']}, node {owner['node']})"


def _held() -> list[Token]:
    lines = os.environ.get(TOKENS, "").splitlines()
    pairs = (line.split(":", 1) for line in lines)
    return [Token(Path(path), int(number)) for number, path in pairs]


def _hold(tokens: list[Token]) -> None:
    os.environ[TOKENS] = "\n".join(f"{number}:{path}" for path, number in tokens)
