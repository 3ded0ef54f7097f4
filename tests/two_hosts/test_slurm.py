"""cluster/slurm.sh on a Slurm of two hosts with a common home: Debian's slurmctld, slurmd and munge.

The hosts are namespaces (`tests.two_hosts.hosts`), and the one GPU that each claims to have is none.
"""

import random
import shutil
import time

import pyarrow.parquet as pq
import pytest

from search.runs.run_folder import RunFolder
from tests.conftest import ROOT
from tests.helpers.driving import check_complete, write_study
from tests.two_hosts.hosts import environment_of_hosts, hosts, missing
from tests.two_hosts.slurm import Slurm, missing_slurm

WHY_NOT = missing() or missing_slurm()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or ""),
]
PATIENCE_S = 600
TRIALS = 8


class Lab:
    """Two hosts under Slurm, and the home that both see."""

    def __init__(self, slurm, made, home):
        self.slurm, self.hosts, self.home = slurm, made, home

    def submit(self, line):
        """Types an `sbatch` in the project's folder; returns the number of the job."""
        said = self.slurm.ask(f"cd headsearch && {line} 2>&1")
        assert said.startswith("Submitted batch job"), said
        return said.split()[-1]

    def until(self, condition, what, job):
        """Waits until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain until {what}\n{self.said(job)}"
            time.sleep(0.5)

    def records(self, name):
        """How many trials of a run have finished."""
        return len(list((self.home / "headsearch/runs" / name / "records").glob("*")))

    def state(self, job):
        """What `scontrol show job` says of it, by key."""
        return dict(
            pair.split("=", 1)
            for pair in self.slurm.ask(f"scontrol -o show job {job}").split()
            if "=" in pair
        )

    def ended(self, job):
        """Whether a job is over for good."""
        return self.state(job)["JobState"] in ("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL")

    def said(self, job):
        """All that a job printed."""
        return "\n".join(path.read_text() for path in (self.home / "headsearch").glob(f"*-{job}.out"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    project = folder / "home" / "headsearch"
    study = {
        "name": "seizure",
        "budget": {"trials": TRIALS},
        "training": {"epochs": 60, "patience": 60},
        "data": {"source": "npz", "path": "data.npz", "group": "group"},
        "resources": {"gpus": 1, "allow_cpu": True},
    }
    write_study(project, study, rows=2400)
    for package in ("spaces", "audit", "search", "reports", "cluster"):
        shutil.copytree(ROOT / package, project / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "search.py", project)
    network = f"10.{random.SystemRandom().randrange(64, 128)}.9"
    environment = environment_of_hosts(folder)
    with hosts(network, ("node1", "node2"), environment, folder / "home") as made:
        yield Lab(Slurm(list(made.values()), folder), made, folder / "home")


def test_a_job_that_is_requeued_stopped_and_loses_a_host_comes_to_its_leaderboard(lab, capsys):
    """Requeued without notice, as by preemption; then told that its time is up; then a Ray is killed."""
    job = lab.submit("sbatch --job-name=seizure cluster/slurm.sh run study.yaml")
    lab.until(lambda: lab.records("seizure") > 2, "a trial is finished", job)
    queue = lab.slurm.ask("squeue")
    lab.slurm.ask(f"scontrol requeue {job}")
    first = lab.records("seizure")
    lab.until(lambda: lab.state(job)["Restarts"] == "1", "the job starts again", job)
    lab.until(lambda: lab.records("seizure") > first, "another trial is finished", job)
    lab.slurm.ask(f"scancel --batch --signal=USR1 {job}")  # as Slurm does before the time limit
    lab.until(lambda: lab.state(job)["Restarts"] == "2", "the job starts a third time", job)
    second = lab.records("seizure")
    lab.until(lambda: lab.records("seizure") > second, "a third trial is finished", job)
    lab.hosts["node2"].run("kill -9 $(pgrep raylet)")
    lab.until(lambda: lab.ended(job), "the job ends", job)
    said, done = lab.said(job), lab.slurm.ask("sacct --completion")
    run = RunFolder(lab.home / "headsearch/runs/seizure")
    rows = pq.read_table(run.leaderboard).to_pylist()
    with capsys.disabled():
        print(f"\n{queue}\n{first} trials, then requeued; {second}, then its time was up\n{said}\n{done}")
        print("rank trial  kind      state      node")
        for row in rows:
            print(f"{row['rank']!s:>4} {row['trial_id']}  {row['kind']:<8}  {row['state']:<9}  {row['node']}")
    assert lab.state(job)["JobState"] == "COMPLETED", said
    assert lab.state(job)["Restarts"] == "2"
    assert "run runs/seizure on Ray cluster: 4 CPUs, 2 GPUs" in said
    assert "the time is up; the job is requeued and the run resumed" in said
    assert len({row["node"] for row in rows}) == 2
    check_complete(run.path, 2 + TRIALS)
    assert all(record.state == "completed" for record in run.records())
    assert lab.slurm.ask("stat -c %a ~/.ray/auth_token") == "600"


def test_a_wrong_study_fails_the_job(lab):
    job = lab.submit("sbatch --job-name=wrong cluster/slurm.sh run study.yaml --set trunk.name=mpl")
    lab.until(lambda: lab.ended(job), "the job ends", job)
    assert lab.state(job)["JobState"] == "FAILED"
    assert lab.state(job)["ExitCode"] == "2:0"
    assert "trunk.name" in lab.said(job)
