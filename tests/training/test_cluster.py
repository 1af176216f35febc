"""Which workers train together, as the environment says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.training.cluster import EXAMPLE, Cluster, read_cluster

SLURM = {
    "SLURM_STEP_NODELIST": "gpu[09-10,3],big",
    "SLURM_STEP_TASKS_PER_NODE": "1(x2),2,1",
    "SLURM_JOB_ID": "20007",
    "SLURM_PROCID": "3",
}


def tf_config(cluster: Any, kind: Any = "worker", index: Any = 0) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


def test_workers_of_tensorflow() -> None:
    two = {"worker": ["a:1", "[::1]:2"]}
    assert read_cluster(tf_config(two, index=1)) == Cluster(("a:1", "[::1]:2"), 1)
    assert read_cluster(tf_config(two)).is_chief
    led = {"chief": ["c:9"], "worker": ["a:1", "b:2"]}
    assert read_cluster(tf_config(led, "chief")) == Cluster(("c:9", "a:1", "b:2"), 0)
    assert read_cluster(tf_config(led, index=1)) == Cluster(("c:9", "a:1", "b:2"), 2)


def test_the_example_is_one() -> None:
    text = EXAMPLE.partition("=")[2].strip("'")
    assert read_cluster({"TF_CONFIG": text}) == Cluster(("host1:12345", "host2:12345"), 0)


def test_workers_of_slurm() -> None:
    hosts = ("gpu09:12007", "gpu10:12007", "gpu3:12007", "gpu3:12008", "big:12007")
    assert read_cluster(SLURM) == Cluster(hosts, 3)
    told = tf_config({"worker": ["a:1"]})
    assert read_cluster({**SLURM, **told}).workers == ("a:1",), "TF_CONFIG comes first"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "TF_CONFIG is not set"),
        ({"TF_CONFIG": " "}, "TF_CONFIG is not set"),
        ({"TF_CONFIG": "{"}, "is no JSON that names"),
        ({"TF_CONFIG": "[]"}, "is no JSON that names"),
        ({"TF_CONFIG": '{"cluster": {"worker": ["a:1"]}}'}, "is no JSON that names"),
        (tf_config(["a:1"]), "is no JSON that names"),
        (tf_config({"worker": "a:1"}), "is no JSON that names"),
        (tf_config({"worker": ["a"]}), "is no JSON that names"),
        (tf_config({"worker": [1]}), "is no JSON that names"),
        (tf_config({"worker": ["a:1", "a:1"]}), "names one address twice"),
        (tf_config({"worker": ["a:1"], "ps": ["b:1"]}), "has a job 'ps'"),
        (tf_config({"worker": ["a:1"]}, index=1), "has no task 1 of type 'worker'"),
        (tf_config({"worker": ["a:1"]}, index=-1), "has no task -1 of type 'worker'"),
        (tf_config({"worker": ["a:1"]}, index=True), "has no task True"),
        (tf_config({"worker": ["a:1"]}, "chief"), "has no task 0 of type 'chief'"),
        (tf_config({"worker": ["a:1"]}, ["worker"]), "has no task"),
        ({**SLURM, "SLURM_PROCID": "5"}, "not those of a step"),
        ({**SLURM, "SLURM_PROCID": "x"}, "not those of a step"),
        ({**SLURM, "SLURM_STEP_NODELIST": "gpu[a-b]"}, "not those of a step"),
        ({**SLURM, "SLURM_STEP_TASKS_PER_NODE": "2"}, "not those of a step"),
        ({"SLURM_STEP_NODELIST": "a"}, "not those of a step"),
    ],
)
def test_what_is_damaged_is_one_line_with_an_example(
    environment: dict[str, str], said: str
) -> None:
    with pytest.raises(InputError, match=said) as why:
        read_cluster(environment)
    assert "--strategy=multiworker" in str(why.value)
    assert "12345" in str(why.value)
    assert "\n" not in str(why.value)
