"""The files of examples/cluster/: a script for Slurm, a manifest for Kubernetes."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import Any

import pytest

from ms2l_tf.training.cluster import Cluster, read_cluster
from tests.test_packaging import RECIPES, ROOT, flags_of

FOLDER = ROOT / "examples" / "cluster"
SCRIPT = (FOLDER / "train.slurm").read_text()
# Options of sbatch that the script uses, and what each may be set to.
OPTIONS = {
    "job-name": r"\w+", "nodes": r"\d+", "ntasks-per-node": r"\d+", "cpus-per-task": r"\d+",
    "gpus-per-task": r"\d+", "mem": r"\d+[KMGT]", "time": r"\d+:\d\d:\d\d", "signal": r"TERM@\d+",
    "requeue": "", "open-mode": "append|truncate", "output": r"[\w%-]+\.log",
}  # fmt: skip


def manifest() -> list[dict[str, Any]]:
    yaml = pytest.importorskip("yaml")  # comes with other packages
    return list(yaml.safe_load_all((FOLDER / "train.yaml").read_text()))


def check_command(text: str) -> None:
    """The command's flags exist, and so does its recipe."""
    (line,) = re.findall(r"ms2l-train .*", text.replace("\\\n", " "))
    words = [word.lstrip("-").partition("=") for word in shlex.split(line)[1:]]
    assert {name for name, _, _ in words} <= set(flags_of("ms2l-train"))
    values = {name: value for name, _, value in words}
    assert f"flags/{values['recipe']}.cfg" in RECIPES
    assert values["strategy"] == "multiworker"


def test_the_script_of_slurm() -> None:
    subprocess.run(["bash", "-n", str(FOLDER / "train.slurm")], check=True)
    lines = SCRIPT.splitlines()
    options = [line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH")]
    for name, _, value in (option.partition("=") for option in options):
        assert re.fullmatch(OPTIONS[name], value), name
    commands = [line for line in lines if line and not line.startswith("#")]
    assert lines.index(commands[0]) > max(
        number for number, line in enumerate(lines) if line.startswith("#SBATCH")
    ), "sbatch reads no option after the first command"
    check_command(SCRIPT)


@pytest.mark.parametrize(
    ("status", "restarts", "requeued"),
    [(0, 0, False), (2, 0, False), (75, 0, True), (137, 20, False)],
)
def test_the_script_goes_on_where_that_helps(
    status: int, restarts: int, requeued: bool, tmp_path: Any
) -> None:
    for name, body in (("srun", f"exit {status}"), ("scontrol", 'echo "$@"')):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "SLURM_JOB_ID": "7"}
    environment["SLURM_RESTART_COUNT"] = str(restarts)
    done = subprocess.run(
        ["bash", str(FOLDER / "train.slurm")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert done.stdout == ("requeue 7\n" if requeued else "")


def test_the_manifest_of_kubernetes() -> None:
    service, job = manifest()
    assert [one["kind"] for one in (service, job)] == ["Service", "Job"]
    pods = job["spec"]["template"]["spec"]
    assert pods["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert job["spec"]["completionMode"] == "Indexed"
    assert job["spec"]["completions"] == job["spec"]["parallelism"]
    assert pods["restartPolicy"] == "Never", "podFailurePolicy needs it"
    (container,) = pods["containers"]
    assert {volume["name"] for volume in pods["volumes"]} == {
        mount["name"] for mount in container["volumeMounts"]
    }
    check_command(container["args"][0])


def test_the_pods_find_each_other() -> None:
    _, job = manifest()
    (container,) = job["spec"]["template"]["spec"]["containers"]
    told = {one["name"]: one["value"] for one in container["env"]}
    assert int(told["WORKERS"]) == job["spec"]["completions"]
    script = re.sub(
        r"exec ms2l-train.*", 'echo "$TF_CONFIG"', container["args"][0], flags=re.DOTALL
    )
    environment = {"PATH": "/usr/bin:/bin", **told, "JOB_COMPLETION_INDEX": "2"}
    done = subprocess.run(
        [*container["command"], script], env=environment, capture_output=True, text=True, check=True
    )
    name = job["metadata"]["name"]
    port = container["ports"][0]["containerPort"]
    hosts = tuple(f"{name}-{i}.{name}:{port}" for i in range(int(told["WORKERS"])))
    assert read_cluster({"TF_CONFIG": done.stdout}) == Cluster(hosts, 2)
