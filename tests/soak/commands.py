"""The commands that are killed, and what they have to leave whoever killed them how often."""

from __future__ import annotations

import dataclasses
import pathlib

from tests.helpers import FRAMES, write_dataset
from tests.soak.works import sources

_PROBES = "--k=1 --raw_frames=6"
_LOOP = f"--frames={FRAMES} --batch=4 --epochs=3 --monitor_epochs=2 --checkpoint_minutes=1e-6"
_TASKS = "--units=4 --observed=4 --projection=4 --head_hidden=8"
_MS2L = f"ms2l-train --method=ms2l {_TASKS} {_LOOP} {_PROBES}"
_CLR = (
    "msclr-train --width=2 --blocks=2 --temporal_kernel=3 --projection=4 --optimiser=sgd "
    f"--learning_rate=0.05 --validation=none {_LOOP} {_PROBES}"
)
_LABELS = f"ms2l-train {_LOOP.replace(f'--frames={FRAMES} ', '')} {_PROBES} --init={{ms2l}}/run"


@dataclasses.dataclass(frozen=True)
class Command:
    """A command line and where it works.

    Attributes:
        line: words; ``{out}`` is its folder, ``{read}`` that of `inputs`, and the name of another
            command the folder in which that one was done.
        start: the command whose folder it starts in a copy of; empty: in an empty one.
    """

    line: str
    start: str = ""

    def words(self, out: pathlib.Path, done: dict[str, pathlib.Path]) -> list[str]:
        """The words of the line, with folders."""
        return [word.format(out=out, **done) for word in self.line.split()]


COMMANDS = {
    "prepare": Command("ms2l-prepare --source={read}/all_sqe --workers=2 --out={out}/data"),
    "motions": Command(
        "ms2l-prepare --format=synthetic --preset=demo --clips=16 --seed=1 --out={out}/data"
    ),
    "cut": Command("ms2l-prepare --source={read}/data --cut=windows:4:2 --out={out}/data"),
    "kernels": Command(
        "ms2l-train --method=kernels --instance_views=2 --data={read}/data --workdir={out}/run"
    ),
    "ms2l": Command(f"{_MS2L} --data={{read}}/data --workdir={{out}}/run"),
    "pointing": Command(
        f"ms2l-train --method=pointing --units=4 {_LOOP} {_PROBES} --data={{read}}/data "
        "--workdir={out}/run"
    ),
    "longt_gan": Command(
        f"ms2l-train --method=longt_gan --units=4 {_LOOP} {_PROBES} --data={{read}}/data "
        "--workdir={out}/run"
    ),
    "skeletonclr": Command(
        f"{_CLR} --contrast=skeletonclr --data={{read}}/data --workdir={{out}}/run"
    ),
    "aimclr": Command(f"{_CLR} --contrast=aimclr --data={{read}}/data --workdir={{out}}/run"),
    "msclr": Command(
        f"{_CLR} --layouts=kinect_v2_25,h36m_17 --data={{read}}/clr --workdir={{out}}/run"
    ),
    "supervised": Command(
        f"ms2l-train --method=supervised --protocol=supervised --units=4 {_LOOP} {_PROBES} "
        "--data={read}/data --workdir={out}/run"
    ),
    "semi": Command(
        f"{_LABELS} --protocol=semi --label_fraction=0.5 --data={{read}}/data --workdir={{out}}/run"
    ),
    "moving": Command(
        f"{_LABELS} --protocol=supervised --schedule=moving --moving_epochs=2 --data={{read}}/data "
        "--workdir={out}/run"
    ),
    "joint": Command(
        f"{_LABELS} --protocol=supervised --schedule=joint --data={{read}}/data "
        "--workdir={out}/run"
    ),
    "transfer": Command(
        f"{_LABELS} --protocol=transfer --data={{read}}/other --workdir={{out}}/run"
    ),
    "evaluate": Command(
        "ms2l-evaluate --workdir={out}/run --probes=knn,ridge --floors=raw,random "
        "--save_features={out}/run/features.npz",
        start="ms2l",
    ),
    "report": Command("ms2l-report --workdir={evaluate}/run --out={out}/page.html"),
    "export": Command("ms2l-export --workdir={ms2l}/run --head=ridge --out={out}/model"),
    "predict": Command(
        "ms2l-predict --model={export}/model --input={read}/data --out={out}/predictions.jsonl"
    ),
    "search": Command(
        "ms2l-search --model={export}/model --data={read}/data --input={read}/data --top_k=2 "
        "--cache={out}/cache --output=jsonl --out={out}/found.jsonl"
    ),
}


def inputs(folder: pathlib.Path) -> None:
    """What the commands read: two datasets of one skeleton, one in two layouts, a source."""
    from ms2l_tf.data.synthetic import generate

    sources(folder)
    write_dataset(folder / "other", seed=1)
    layouts = ["kinect_v2_25", "h36m_17"]
    generate(folder / "clr", clips=32, seed=2, layouts=layouts, progress=False)


def with_needs(name: str) -> list[str]:
    """A command after all those whose results it reads."""
    needed = {key for key in COMMANDS if f"{{{key}}}" in COMMANDS[name].line}
    needed |= {COMMANDS[name].start} - {""}
    before = [each for need in sorted(needed) for each in with_needs(need)]
    return list(dict.fromkeys([*before, name]))
