"""Every method on another network than its own: trained, read by the probes, gone on with labels.

A run with labels starts from each by --init and names neither method nor network: they are taken
over.
"""

from __future__ import annotations

import dataclasses
import pathlib

import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.files import read_json
from ms2l_tf.runs.folder import RunFolder
from tests.cli.conftest import Command
from tests.cli.test_train import as_flags

LOOP = as_flags(frames=10, batch=16, epochs=1, monitor_epochs=0, validation="none", k=1)
GRU, STGCN = "--network=gru --units=4", "--network=stgcn --width=2 --blocks=2 --temporal_kernel=3"
TASKS = "--observed=4 --head_hidden=8 --projection=4"
ONE, TWO = "--layouts=h36m_17", "--layouts=kinect_v2_25,h36m_17"


@dataclasses.dataclass(frozen=True)
class Crossing:
    """A method on a network, by flags.

    Attributes:
        flags: of the training command.
        layouts: that the run learns.
        classifier: of the run with labels: flags.
    """

    flags: str
    layouts: tuple[str, ...]
    classifier: str = "--classifier_hidden=4 --classifier_units=2"


CROSSINGS = {
    "ms2l on stgcn": Crossing(f"{STGCN} {TASKS} {ONE}", ("h36m_17",)),
    "msclr on gru": Crossing(
        f"--method=msclr {GRU} --projection=4 {TWO}", ("kinect_v2_25", "h36m_17")
    ),
    "msclr on lstm_last": Crossing(
        f"--method=msclr --network=lstm_last --units=4 --projection=4 {ONE}", ("h36m_17",)
    ),
    "longt_gan on stgcn": Crossing(f"--method=longt_gan {STGCN} {ONE}", ("h36m_17",)),
}
QUICK = ("ms2l on stgcn",)


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CROSSINGS],
)
def test_a_method_on_another_network(
    name: str,
    command: Command,
    clr_dataset: ClipDataset,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    crossing, data = CROSSINGS[name], f"--data={clr_dataset.path}"
    first, second = tmp_path / "first", tmp_path / "second"
    assert command("train", data, f"--workdir={first}", *LOOP, *crossing.flags.split()) == 0
    assert f"next: ms2l-evaluate --workdir={first}" in capsys.readouterr().out
    assert command("evaluate", f"--workdir={first}", "--probes=knn", "--nofigures") == 0
    result = read_json(first / "result.json")
    assert result["details"]["layouts"] == list(crossing.layouts)
    assert {"knn/1/top1", "floor/random/knn/1/top1"} <= set(result["metrics"])
    labels = ["--protocol=semi", f"--init={first}", "--label_fraction=0.5", *LOOP[1:]]
    flags = [*labels, *crossing.classifier.split()]
    assert command("train", data, f"--workdir={second}", *flags) == 0
    trained, tuned = RunFolder(first).config(), RunFolder(second).config()
    assert (tuned.model, tuned.network) == (trained.model, trained.network), "taken over"
    assert tuned.data.layouts == crossing.layouts[:1]
    assert command("evaluate", f"--workdir={second}", "--probes=knn", "--nofigures") == 0
    assert "classifier/top1" in read_json(second / "result.json")["metrics"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--network=gru_last", "--method=ms2l: needs the features of frames, which --network=gru_"),
        ("--method=simclr", "--method: 'simclr' is not one of ms2l, msclr, longt_gan, kernels"),
        ("--network=unet", "--network: 'unet' is not one of gru, lstm,"),
        ("--method=longt_gan --schedule=joint --protocol=supervised", "has no task losses"),
        ("--method=supervised --protocol=unsupervised", "learns from labels only"),
    ],
)
def test_what_does_not_go_together_is_one_line(
    flags: str, said: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("train", "--data=none", "--workdir=none", *flags.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --")
    assert said in line


def test_flags_of_another_method_and_network_are_told(
    command: Command, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--method=msclr", "--units=4", "--omega=2", "--tasks=jigsaw"]
    assert command("train", f"--data={tmp_path}", "--workdir=none", *flags) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if "has no effect" in line]
    assert "warning: --tasks has no effect here: it belongs to --method=ms2l" in told
    assert (
        "warning: --units has no effect here: it belongs to --network=gru, lstm, gru_last, "
        "lstm_last, blstm_last, tcn"
    ) in told
    assert len(told) == 3
