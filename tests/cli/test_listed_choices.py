"""`--method=help` and `--network=help` list what there is."""

from __future__ import annotations

import pytest

from ms2l_tf.methods.registry import methods
from ms2l_tf.networks.registry import NETWORKS
from tests.cli.conftest import Command


@pytest.mark.parametrize("flag", ["method", "network"])
def test_help_as_a_choice_lists_them(
    flag: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = methods().values() if flag == "method" else NETWORKS.values()
    assert command("train", f"--{flag}=help") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{kind.name:12}{kind.summary}" for kind in kinds]


def test_an_unknown_method_is_told_those_there_are(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("train", "--method=magic", "--workdir=x") == 2
    assert "'magic' is not one of ms2l, msclr" in capsys.readouterr().err
