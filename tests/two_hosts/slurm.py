"""A Slurm of two hosts that share a home, as a university's: Debian's own daemons, munge between them."""

import shutil
import textwrap
import time
from pathlib import Path

from tests.two_hosts.hosts import Host

NEEDED = ("slurmctld", "slurmd", "sbatch", "munged")
CONF = "SLURM_CONF=/run/slurm.conf"


def missing_slurm() -> str | None:
    """Why no Slurm can be started here; None if it can."""
    for program in NEEDED:
        if shutil.which(program, path="/usr/bin:/usr/sbin") is None:
            return f"needs {program} (packages slurm-wlm, munge)"
    return None


class Slurm:
    """The workload manager of some hosts, the first of which controls it.

    Args:
        hosts: they are nodes, all of them.
        logs: a folder for what the daemons say.

    Each node says it has two processors and one GPU. What a site leaves alone is left alone here, but for
    `cred_expire`: a requeued job waits so long.
    """

    def __init__(self, hosts: list[Host], logs: Path) -> None:
        self._hosts = hosts
        first = hosts[0]
        nodes = "\n".join(
            f"NodeName={host.name} NodeAddr={host.address} CPUs=2 RealMemory=4000 Gres=gpu:1"
            for host in hosts
        )
        names = ",".join(host.name for host in hosts)
        conf = textwrap.dedent(f"""
            ClusterName=lab
            SlurmctldHost={first.name}({first.address})
            SlurmUser=root
            AuthType=auth/munge
            AuthInfo=socket=/run/munge/socket,cred_expire=10
            StateSaveLocation=/run/slurmctld
            SlurmdSpoolDir=/run/slurmd
            SlurmctldPidFile=/run/slurmctld.pid
            SlurmdPidFile=/run/slurmd.pid
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_Core
            GresTypes=gpu
            JobCompType=jobcomp/filetxt
            JobCompLoc=/run/jobs
            JobRequeue=1
            ReturnToService=2
            KillWait=30
            @nodes
            PartitionName=main Nodes={names} Default=YES State=UP
            """).replace("@nodes", nodes)
        known = "\n".join(["127.0.0.1 localhost", *(f"{host.address} {host.name}" for host in hosts)])
        gres = "\n".join(f"NodeName={host.name} Name=gpu File=/dev/null Count=1" for host in hosts)
        for host in hosts:
            host.run(
                "mkdir -p /run/munge /run/slurmctld /run/slurmd && chmod 711 /run/munge && "
                "cp /mnt/made/munge.key /run/munge.key && chmod 400 /run/munge.key && "
                f"cat > /run/slurm.conf <<'END'\n{conf}\nEND\ncat > /run/gres.conf <<'END'\n{gres}\nEND\n"
                f"cat > /run/hosts <<'END'\n{known}\nEND\nmount --bind /run/hosts /etc/hosts"
            )
            host.start(
                "munged --foreground --force --key-file=/run/munge.key --socket=/run/munge/socket "
                "--pid-file=/run/munge/pid --log-file=/run/munge/log --seed-file=/run/munge/seed",
                logs / f"{host.name}.munged.log",
            )
        for host in hosts:
            host.run("until test -S /run/munge/socket; do sleep 0.1; done")
        first.start(f"{CONF} slurmctld -D -f /run/slurm.conf", logs / "slurmctld.log")
        for host in hosts:
            host.start(
                f"{CONF} slurmd -D -f /run/slurm.conf -N {host.name}", logs / f"{host.name}.slurmd.log"
            )
        deadline = time.monotonic() + 60
        while self.ask("sinfo -h -o %T") != "idle":
            assert time.monotonic() < deadline, self.ask("sinfo -R; sinfo")
            time.sleep(0.5)

    def ask(self, line: str) -> str:
        """Returns what a command says on the first host."""
        return self._hosts[0].run(f"export {CONF}; {line}", check=False).stdout.strip()
