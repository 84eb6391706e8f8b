"""Two writers of one output: real processes, each stopped or killed before each of its changes to the file system.

With NEPOTISM_MOUNTS=OLDER:NEWER, two mounts of one shared file system, the older writer sees it by the one and the
newer one by the other, as two nodes do. ``tests/nfs/run.sh`` does this with NFS.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from uuid import uuid4

import pytest

from scripts.lib.base import fence
from scripts.lib.base.atomic import replacing, write_json
from scripts.lib.base.code import ROOT
from scripts.lib.base.fence import FencedError

# Writes a folder and a file, as a fine-tune does; before its change number `at` it signals itself.
WRITER = """
import json, os, sys
from pathlib import Path
from scripts.lib.base import fence
from scripts.lib.base.atomic import replacing, write_json

folder, owner, at, number = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
changes = 0

def watch(event, arguments):
    global changes
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if event in ("os.link", "os.rename", "os.mkdir", "os.remove", "os.rmdir") or writes:
        changes += 1
        if changes == at:
            os.kill(os.getpid(), number)

sys.addaudithook(watch)
try:
    fence.claim(folder / "tokens", owner)
    with replacing(folder / "unet") as temporary:
        temporary.mkdir()
        (temporary / "weights").write_text("older")
    write_json(folder / "record.json", {"by": "older"})
except fence.FencedError as error:
    sys.exit(f"fenced: {error}")
print(changes)
"""
MOUNTS = [Path(mount) for mount in os.environ.get("NEPOTISM_MOUNTS", "").split(":") if mount]
OLDER, NEWER = ({"job": "7", "restarts": restarts, "node": f"g{restarts}"} for restarts in (1, 2))


@pytest.fixture
def tmp_path(tmp_path):
    """Return an empty folder: that of the older writer's mount, where mounts are named."""
    if not MOUNTS:
        return tmp_path
    folder = MOUNTS[0] / uuid4().hex
    folder.mkdir()
    return folder


def seen(folder: Path) -> Path:
    """Return a folder as the newer writer sees it."""
    return MOUNTS[1] / folder.relative_to(MOUNTS[0]) if MOUNTS else folder


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    monkeypatch.setenv(fence.TOKENS, "")


def older(folder: Path, at: int = 0, number: int = 0, owner: dict = OLDER) -> subprocess.Popen:
    """Start a writer; where it is to be signaled, it has been when this returns, or has ended."""
    command = [sys.executable, "-c", WRITER, str(folder), json.dumps(owner), str(at), str(number)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=pipe, stderr=pipe, text=True)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
    return process


def newer(folder: Path) -> str:
    """Write as a newer job; return its token."""
    fence.claim(seen(folder) / "tokens", NEWER)
    write(seen(folder), "newer")
    token, os.environ[fence.TOKENS] = os.environ[fence.TOKENS], ""
    return token


def write(folder: Path, by: str) -> None:
    with replacing(folder / "unet") as temporary:
        temporary.mkdir()
        (temporary / "weights").write_text(by)
    write_json(folder / "record.json", {"by": by})


def outputs(folder: Path) -> dict[str, str]:
    """Return everything below a folder but the tokens."""
    folder = seen(folder)
    files = (path for path in folder.rglob("*") if "tokens" not in path.parts and path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in seen(folder).iterdir())


def result(by: str) -> dict[str, str]:
    return {"unet/weights": by, "record.json": json.dumps({"by": by}, indent=2) + "\n"}


def changes(folder: Path) -> range:
    """Return the numbers of a writer's changes to a folder that has outputs of an earlier run."""
    write(folder, "before")
    process = older(folder)
    return range(1, int(process.communicate()[0]) + 1)


def test_a_writer_alone_writes(tmp_path):
    assert len(changes(tmp_path)) > 20
    assert outputs(tmp_path) == result("older")
    assert names(tmp_path) == ["record.json", "tokens", "unet"]


def test_an_older_writer_that_was_stopped_anywhere_never_writes_again(tmp_path):
    codes = []
    for at in changes(tmp_path / "counted"):
        folder = tmp_path / str(at)
        write(folder, "before")
        process = older(folder, at, signal.SIGSTOP)
        newer(folder)
        assert outputs(folder).items() >= result("newer").items(), at
        process.send_signal(signal.SIGCONT)
        _, errors = process.communicate(timeout=120)
        assert outputs(folder) == result("newer"), f"stopped before change {at}"
        assert names(folder) == ["record.json", "tokens", "unet"], at
        if process.returncode:
            assert "fenced: SLURM job 7 (restart 2, node g2) writes these outputs now" in errors
        codes.append(process.returncode)
    assert codes == [1] * (len(codes) - 1) + [0], "after its last rename it only tidies up"


def test_a_writer_that_was_killed_anywhere_is_never_waited_for_and_leaves_nothing(tmp_path):
    for at in changes(tmp_path / "counted"):
        folder = tmp_path / str(at)
        write(folder, "before")
        assert older(folder, at, signal.SIGKILL).wait() == -signal.SIGKILL
        newer(folder)
        assert outputs(folder) == result("newer"), f"killed before change {at}"
        assert names(folder) == ["record.json", "tokens", "unet"], at


def test_the_last_claim_of_two_jobs_counts_whatever_their_numbers(tmp_path, monkeypatch):
    """A controller that has lost its state starts again at 1; a lost job that claims late only costs a retry."""
    for at in changes(tmp_path / "counted"):
        folder = tmp_path / str(at)
        write(folder, "before")
        process = older(folder, at, signal.SIGSTOP, OLDER | {"job": "12"})
        token = newer(folder)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=120)
        late = sorted((folder / "tokens").glob("[0-9]*"), key=lambda path: int(path.name))[-1]
        by = "older" if json.loads(late.read_text())["job"] == "12" else "newer"
        assert outputs(folder) == result(by), f"stopped before change {at}"
        if by == "older":
            monkeypatch.setenv(fence.TOKENS, token)
            with pytest.raises(FencedError):
                fence.check()
            monkeypatch.setenv(fence.TOKENS, "")


def test_an_earlier_run_of_a_job_gives_way_to_a_later_one(tmp_path):
    fence.claim(tmp_path, NEWER)
    with pytest.raises(FencedError, match=r"^SLURM job 7 \(restart 2, node g2\) writes these outputs now\."):
        fence.claim(tmp_path, OLDER)
    fence.check()


def test_claims_at_the_same_time_leave_one_writer(tmp_path):
    code = """
    import json, sys
    from pathlib import Path
    from scripts.lib.base import fence
    sys.stdin.readline()
    fence.claim(Path(sys.argv[1]), {"job": sys.argv[2], "restarts": 0, "node": "g1"})
    print("claimed", flush=True)
    sys.stdin.readline()
    for _ in range(50):
        fence.check()
    """
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), str(job)],
            cwd=ROOT, env=os.environ, text=True, stdin=pipe, stdout=pipe, stderr=pipe,
        )
        for job in range(6)
    ]  # fmt: skip
    for _ in range(2):
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        for process in processes:
            assert process.stdout
            process.stdout.readline()
    assert sorted(process.wait() for process in processes) == [0, 1, 1, 1, 1, 1]


def test_processes_of_one_job_share_its_token(tmp_path):
    fence.claim(tmp_path, OLDER)
    code = "from scripts.lib.base import fence; print(fence.writer()); [fence.check() for _ in range(20)]"
    running = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert {process.communicate()[0].strip() for process in running} == {fence.writer()}
    assert [process.returncode for process in running] == [0] * 4
    fence.check()


def test_a_group_of_jobs_stops_when_one_of_them_is_taken_over(tmp_path, monkeypatch):
    fence.claim(tmp_path / "select", OLDER)
    fence.claim(tmp_path / "prepare", OLDER)
    fence.check()
    ours = os.environ[fence.TOKENS]
    monkeypatch.setenv(fence.TOKENS, "")
    fence.claim(tmp_path / "select", NEWER)
    monkeypatch.setenv(fence.TOKENS, ours)
    with pytest.raises(FencedError):
        fence.check()


def test_a_new_run_stops_the_jobs_of_an_earlier_one_even_after_a_claim_of_the_same_output(tmp_path, monkeypatch):
    fence.claim(tmp_path / "tokens/finetune", OLDER)
    ours = os.environ[fence.TOKENS]
    monkeypatch.setenv(fence.TOKENS, "")
    fence.clear(tmp_path / "tokens")
    assert [path.name for path in tmp_path.iterdir()] == ["tokens"]
    fence.claim(tmp_path / "tokens/finetune", NEWER)
    monkeypatch.setenv(fence.TOKENS, ours)
    with pytest.raises(FencedError, match="a newer run of Snakemake has started in this folder"):
        fence.check()


def test_a_file_system_without_hard_links_is_refused_before_the_first_job(tmp_path, monkeypatch):
    def link(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(OSError, match=r"no hard links here \(Operation not supported\).*run in a folder.*tokens"):
        fence.clear(tmp_path / "tokens")


def test_without_slurm_nothing_is_asked_and_nothing_is_left(tmp_path):
    fence.check()
    assert not fence.held()
    write(tmp_path, "local")
    assert outputs(tmp_path) == result("local")
    assert names(tmp_path) == ["record.json", "unet"]


def test_a_script_that_is_superseded_says_so_and_exits_with_75(tmp_path, monkeypatch):
    fence.claim(tmp_path / "tokens", OLDER)
    environment = dict(os.environ)
    monkeypatch.setenv(fence.TOKENS, "")
    fence.claim(tmp_path / "tokens", NEWER)
    command = [sys.executable, "-m", "scripts.unseen_prompts", "--prompt", "a cat", "--per-prompt", "2"]
    command += ["--output", str(tmp_path / "unseen.csv")]
    process = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert process.returncode == os.EX_TEMPFAIL
    assert process.stderr == (
        "SLURM job 7 (restart 2, node g2) writes these outputs now. "
        "SLURM job 7 (restart 1, node g1) stops without writing\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["tokens"]
