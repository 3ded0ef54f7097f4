"""The image and the manifest for Kubernetes: its steps run without Docker, its parts agree with each other.

No Kubernetes is at hand. cluster/rayjob.yaml was held against the RayJob schema of KubeRay 1.7.0 by hand, and
fields that it does not know would have been refused.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml

from tests.conftest import ROOT

DOCKERFILE = ROOT / "cluster" / "Dockerfile"


def steps() -> list[tuple[str, str]]:
    """Returns the instructions of the Dockerfile with their arguments, comments left out."""
    lines = [line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(" ", 1)) for line in text.splitlines() if line]


def manifest() -> dict:
    return yaml.safe_load((ROOT / "cluster" / "rayjob.yaml").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_steps_of_the_image_make_a_headsearch_that_answers(tmp_path):
    """Each COPY and RUN in a folder and an environment of its own, but for users and Debian packages."""
    image, environment = tmp_path / "headsearch", tmp_path / "venv"
    image.mkdir()
    uv = shutil.which("uv", path=f"{ROOT}/.venv/bin")
    subprocess.run([uv, "venv", "-q", "--seed", "--python", sys.executable, environment], check=True)
    cache = subprocess.run([uv, "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    inside = {
        **os.environ,  # where packages come from
        "PATH": f"{environment}/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "VIRTUAL_ENV": str(environment),
        "UV_CACHE_DIR": cache,
        "ACCELERATOR": "",
    }
    ran = []
    for what, arguments in steps():
        if what == "COPY":
            source, target = arguments.split()
            (image / target).parent.mkdir(parents=True, exist_ok=True)
            copied = ROOT / source
            if copied.is_dir():
                shutil.copytree(copied, image / target, dirs_exist_ok=True)
            else:
                shutil.copy(copied, image / target)
        elif what == "RUN" and not arguments.startswith(("apt-get", "useradd")):
            # In the image Python is the system's; here it is that of the environment.
            line = arguments.replace("--system --no-cache", "").split(" && chown")[0]
            subprocess.run(["bash", "-ec", line], cwd=image, env=inside, check=True)
            ran.append(line)
    assert len(ran) == 2
    (command,) = [arguments for what, arguments in steps() if what == "CMD"]
    said = subprocess.run(
        yaml.safe_load(command), cwd=image, env=inside, capture_output=True, text=True, check=True
    )
    assert "leaderboard" in said.stdout
    version = subprocess.run(["ray", "--version"], cwd=image, env=inside, capture_output=True, text=True)
    assert version.stdout.split()[-1] == manifest()["spec"]["rayClusterSpec"]["rayVersion"]


def test_the_image_holds_what_search_needs_and_no_more():
    copied = {arguments.split()[0] for what, arguments in steps() if what == "COPY"}
    packages = {f"{folder.parent.name}/" for folder in ROOT.glob("*/__init__.py")} - {"tests/"}
    assert copied == packages | {"search.py", "cluster/requirements.txt"}


def test_the_manifest_agrees_with_itself_the_image_and_the_pins():
    spec = manifest()["spec"]
    cluster = spec["rayClusterSpec"]
    (pinned,) = re.findall(r"^ray==(.+)$", (ROOT / "cluster/requirements.txt").read_text(), re.MULTILINE)
    assert cluster["rayVersion"] == pinned
    head, (workers,) = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    (of_head,), (of_worker,) = (group["template"]["spec"]["containers"] for group in (head, workers))
    assert of_head["image"] == of_worker["image"]
    for container in (of_head, of_worker):
        assert container["resources"]["requests"] == container["resources"]["limits"]
    assert (workers["replicas"], workers["minReplicas"]) == (0, 0)
    assert cluster["enableInTreeAutoscaling"] is True
    assert cluster["authOptions"] == {"mode": "token", "secretName": "headsearch-token"}
    volumes = {volume["name"] for volume in head["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in of_head["volumeMounts"]} == volumes
    (folder,) = [arguments for what, arguments in steps() if what == "WORKDIR"]
    mounts = {mount["mountPath"] for mount in of_head["volumeMounts"]}
    assert {f"{folder}/runs", f"{folder}/prepared", "/study", "/data"} == mounts
    (user,) = re.findall(r"--uid (\d+)", DOCKERFILE.read_text(encoding="utf-8"))
    assert head["template"]["spec"]["securityContext"]["fsGroup"] == int(user)


def test_a_job_that_starts_again_resumes_its_run(tmp_path):
    """The entry point, by a shell, with a `python` that says what it was asked."""
    entry = shlex.split(manifest()["spec"]["entrypoint"])
    line = entry[2].replace("cd /headsearch", f"cd {tmp_path}")
    shell = f'python() {{ echo "$@"; }}; {line.replace("exec python", "python")}'

    def asked() -> list[str]:
        return subprocess.run(["bash", "-c", shell], capture_output=True, text=True).stdout.splitlines()

    assert asked() == ["search.py run /study/study.yaml --name seizure --address auto"]
    (tmp_path / "runs/seizure").mkdir(parents=True)
    (tmp_path / "runs/seizure/study.yaml").touch()
    assert asked()[0] == "search.py resume runs/seizure --address auto"


def test_the_documents_make_what_the_manifest_takes():
    text = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    for kind, name in (("configmap", "headsearch-study"), ("secret generic", "headsearch-token")):
        assert f"kubectl create {kind} {name} " in text
    assert "name: headsearch-runs" in text
    assert "auth_token=" in text
