"""A search on two hosts that share nothing: the walk of docs/cluster.md, typed as it stands, and accidents.

The hosts are namespaces (`tests.two_hosts.hosts`). They differ from real ones in this: Python is not
installed by `ray up` but lies in `~/.headsearch` already, made by the very line of cluster.yaml, which on the
hosts, without a network, then finds everything there; and the key is made known to them without
`ssh-copy-id`.
"""

import random
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from search.runs.run_folder import RunFolder
from tests.conftest import ROOT
from tests.helpers.driving import check_complete, write_study
from tests.two_hosts import walk
from tests.two_hosts.hosts import HOME, USER, Host, environment_of_hosts, hosts, missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
]
PATIENCE_S = 600
DRIVER = "^python (/home/[a-z]*/)?search.py"
TRIALS = 4
RESOURCES = {"head": '{"CPU":1}', "worker": '{"CPU":1,"GPU":1}'}
"""What the hosts say they have: one processor each, so that two workers need both; a GPU the worker alone."""


class Cluster:
    """The client's host, the head and the worker."""

    def __init__(self, client: Host, head: Host, worker: Host, logs: Path) -> None:
        self.client, self.head, self.worker, self.logs = client, head, worker, logs
        self.steps: list[tuple[str, float]] = []

    def type(self, line: str) -> str:
        """Types a line in the client's project folder, to its end; returns what it said."""
        began = time.monotonic()
        done = self.client.run(f"cd headsearch && {line}", PATIENCE_S)
        self.steps.append((line, time.monotonic() - began))
        return done.stdout + done.stderr

    def bring(self, name: str, to: Path) -> RunFolder:
        """Brings a run from the head, as it is now."""
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir(parents=True)
        sent = subprocess.run(self.head.command(f"tar -C runs -c {name}"), capture_output=True, check=True)
        subprocess.run(["tar", "-C", to, "-x"], input=sent.stdout, check=True)
        return RunFolder(to / name)

    def records(self, name: str) -> int:
        """How many trials of a run have finished."""
        return len(self.head.run(f"ls runs/{name}/records", check=False).stdout.split())

    def until(self, condition, what: str) -> None:
        """Waits until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain until {what}"
            time.sleep(0.3)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two hosts and a client, up to `ray up`; the worker cannot be reached yet, as if it were starting."""
    folder = tmp_path_factory.mktemp("cluster")
    environment = environment_of_hosts(folder)
    network = f"10.{random.SystemRandom().randrange(64, 128)}.7"
    with hosts(network, ("client", "head", "worker"), environment) as made:
        found = Cluster(*made.values(), logs=folder)
        for name, resources in RESOURCES.items():
            # Ray's workers are nice; on a busy machine they would starve.
            line = f"export RAY_worker_niceness=0 RAY_OVERRIDE_RESOURCES={shlex.quote(resources)}"
            made[name].run(f"echo {shlex.quote(line)} > ~/.bashrc")
        _check_out(found)
        once, walked, _ = walk.blocks()
        key, _, token = once
        found.client.run(f"{key} && {token}")
        public = found.client.run("cat ~/.ssh/headsearch.pub").stdout
        for host in (found.head, found.worker):
            host.run(f"echo '{public.strip()}' > ~/.ssh/authorized_keys")
        found.head.listen(folder / "head.log")
        found.type(walked[0])
        yield found


def _check_out(found: Cluster) -> None:
    """Gives the client the project's folder, with the three lines of cluster.yaml edited, and a study."""
    study = {
        "name": "seizure",
        "budget": {"trials": TRIALS},
        "training": {"epochs": 60, "patience": 60},
        "data": {"source": "npz", "path": "windows.npz", "group": "group"},
        "resources": {"workers": 2},
    }
    path = write_study(found.logs / "study", study, rows=2400)
    sent = found.logs / "sent"
    for package in ("spaces", "audit", "search", "reports", "cluster"):
        shutil.copytree(ROOT / package, sent / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "search.py", sent)
    shutil.copy(path, sent / "my.yaml")
    shutil.copy(path.parent / "data.npz", sent / "windows.npz")
    edits = {
        "  head_ip: 192.168.1.10 #": f"  head_ip: {found.head.address} #",
        "  worker_ips: [192.168.1.11, 192.168.1.12] #": f"  worker_ips: [{found.worker.address}] #",
        "  ssh_user: me #": f"  ssh_user: {USER} #",
    }
    text = (ROOT / "cluster.yaml").read_text()
    assert text.count("<--") == 1 + len(edits)
    for line, edited in edits.items():
        assert text.count(line) == 1
        text = text.replace(line, edited)
    (sent / "cluster.yaml").write_text(text)
    packed = subprocess.run(["tar", "-C", sent, "-c", "."], capture_output=True, check=True)
    unpack = found.client.command("mkdir headsearch && tar -C headsearch -x")
    subprocess.run(unpack, input=packed.stdout, check=True)


def test_hosts_share_no_folder(cluster):
    everywhere = (cluster.client, cluster.head, cluster.worker)
    own = {}
    for host in everywhere:
        mounts = host.run("cat /proc/self/mountinfo").stdout.splitlines()
        points = [line.split()[4] for line in mounts]
        writable = [
            p for p in dict.fromkeys(points) if not host.run(f"touch {p}/.left", check=False).returncode
        ]
        assert {"/tmp", "/dev/shm", "/home"} <= set(writable)
        own[host.name] = [*writable, str(HOME)]
        for point in own[host.name]:
            host.run(f"touch {point}/.left-by-{host.name}")
    for host in everywhere:
        left = host.run(f"ls {' '.join(f'{point}/.left-by-*' for point in own[host.name])}").stdout.split()
        assert len(left) == len(own[host.name])
        assert {path.rpartition("-")[2] for path in left} == {host.name}


def test_a_job_waits_for_a_host_that_can_hold_its_trials(cluster, capsys):
    """The head has no GPU; the host that has one starts late, and the autoscaler brings it in."""
    _, walked, more = walk.blocks()
    for line in walked[1:3]:
        cluster.type(line)
    settings = ("resources.gpus=0.5", "resources.allow_cpu=true", "budget.trials=1", "training.epochs=2")
    gpu = " ".join(f"--set {setting}" for setting in settings)
    (line,) = [line for line in more if "ray job submit" in line]
    said = cluster.type(line.replace("--name job", f"--name job {gpu}"))
    name = said.split("Job '")[1].split("'")[0]
    log = f"cat /tmp/ray/session_latest/logs/job-driver-{name}.log"
    waits = "no host can hold a trial yet; waiting up to 10 minutes"
    cluster.until(lambda: waits in cluster.head.run(log, check=False).stdout, "the job waits")
    assert cluster.records("job") == 0
    cluster.worker.listen(cluster.logs / "worker.log")
    began = time.monotonic()
    cluster.until(lambda: not cluster.head.pids(DRIVER), "the job ends")
    cluster.steps.append(("(the job, from its host's start)", time.monotonic() - began))
    said = cluster.head.run(f"source ~/.bashrc; ray job status {name} 2>&1").stdout
    assert "succeeded" in said.lower(), cluster.head.run(log).stdout
    run = cluster.bring("job", cluster.logs / "job")
    assert {record.node for record in run.records()} == {cluster.worker.address}


def test_the_walk(cluster, capsys):
    _, walked, _ = walk.blocks()
    submit, down, promote, home = walked[3:7]
    assert submit == "ray submit cluster.yaml search.py"
    said = cluster.type(submit)
    assert "running /home/searcher/study.yaml" in said
    cluster.type(down)
    board = subprocess.run(cluster.client.command("cat headsearch/leaderboard.parquet"), capture_output=True)
    (cluster.logs / "leaderboard.parquet").write_bytes(board.stdout)
    rows = pq.read_table(cluster.logs / "leaderboard.parquet").to_pylist()
    with capsys.disabled():
        print(f"\n$ {submit}\n" + "\n".join(said[said.index("running /home") :].splitlines()[:4]))
        print("rank trial  kind      state      node")
        for row in rows:
            print(f"{row['rank']!s:>4} {row['trial_id']}  {row['kind']:<8}  {row['state']:<9}  {row['node']}")
    assert {row["node"] for row in rows} == {cluster.head.address, cluster.worker.address}
    check_complete(cluster.bring("seizure", cluster.logs / "seizure").path, 2 + TRIALS)
    cluster.type(promote)
    cluster.type(home)
    cluster.client.run("cd headsearch/bundle && sha256sum --check --strict SHA256SUMS && test -f model.keras")


def test_who_has_no_token_is_refused(cluster):
    status = f"ray status --address {cluster.head.address}:6379"
    assert "Active:" in cluster.client.run(f"RAY_AUTH_MODE=token {status}").stdout
    for environment in ("HOME=/tmp/nobody", "HOME=/tmp/nobody RAY_AUTH_MODE=token RAY_AUTH_TOKEN=guessed"):
        refused = cluster.client.run(f"mkdir -p /tmp/nobody; {environment} {status}", check=False)
        assert refused.returncode != 0
        assert "InvalidAuthToken" in refused.stderr
    for host in (cluster.client, cluster.head, cluster.worker):
        assert host.run("stat -c %a ~/.ray/auth_token").stdout == "600\n"
    jobs = "python -c \"import urllib.request as r; r.urlopen('http://127.0.0.1:8265/api/jobs/')\""
    assert "HTTP Error 401" in cluster.head.run(jobs, check=False).stderr
    listening = cluster.head.run("ss -ltnH").stdout.split()
    assert "127.0.0.1:8265" in listening
    assert not any(address.endswith((":10001", "*:8265", "0.0.0.0:8265")) for address in listening)
    dashboard = f"bash -c '</dev/tcp/{cluster.head.address}/8265'"
    assert "refused" in cluster.client.run(dashboard, check=False).stderr


def test_a_search_outlives_its_ssh_client_and_a_raylet(cluster, capsys):
    _, _, more = walk.blocks()
    began = time.monotonic()
    (line,) = [line for line in more if line.startswith("ray submit")]
    submit = cluster.client.start(f"cd headsearch && {line}", cluster.logs / "again.txt")
    cluster.until(lambda: cluster.records("again") > 0, "a trial is finished")
    for pid in cluster.client.pids("^ssh .*search.py"):
        cluster.client.run(f"kill -9 {pid}")
    submit.wait(60)
    assert cluster.client.pids("^ssh .*search.py") == []
    assert cluster.head.pids(DRIVER)
    finished = cluster.records("again")
    time.sleep(random.Random(7).uniform(2, 8))
    (raylet,) = cluster.worker.pids("raylet/raylet ")
    cluster.worker.run(f"kill -9 {raylet}")
    cluster.until(lambda: not cluster.head.pids(DRIVER), "the driver ends")
    run = cluster.bring("again", cluster.logs / "again")
    check_complete(run.path, 2 + TRIALS)
    assert all(record.state == "completed" for record in run.records())
    took = time.monotonic() - began
    with capsys.disabled():
        print(
            f"\nssh client killed at {finished} trials, then a raylet: {2 + TRIALS} trials once, {took:.0f} s"
        )


def test_changed_code_reaches_every_host(cluster):
    _, walked, _ = walk.blocks()
    cluster.client.run("echo '# changed' >> headsearch/search/record.py")
    cluster.type(walked[0])
    changed = "grep -c '^# changed$' search/record.py"
    assert cluster.head.run(changed).stdout == "1\n"
    cluster.until(lambda: cluster.worker.run(changed, check=False).stdout == "1\n", "the worker has it too")


def test_down(cluster, capsys):
    _, walked, _ = walk.blocks()
    cluster.type(walked[-1])
    cluster.until(lambda: not cluster.head.pids("raylet/raylet "), "the head is down")
    with capsys.disabled():
        print("\nseconds  step")
        for line, seconds in cluster.steps:
            print(f"{seconds:7.1f}  {line}")
