"""A frozen encoder inside a scikit-learn pipeline, its pooling chosen by cross-validation.

    python examples/pipeline.py [RUN DATASET]

Without arguments: what `make demo` leaves, runs/demo and data/synthetic_demo.
"""

import sys

from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import ms2l_tf


def main(run: str, folder: str) -> float:
    """Returns the accuracy on the test clips of the dataset's first split."""
    dataset = ms2l_tf.ClipDataset.open(folder)
    split = dataset.split(dataset.split_names[0])
    store = dataset.poses(dataset.layouts[0])
    train, test = (
        [store.poses(clip).coords for clip in side] for side in (split.train, split.test)
    )

    pipeline = Pipeline(
        [
            ("encode", ms2l_tf.load_encoder(run)),  # reads the run; its weights stay as they are
            ("scale", StandardScaler()),
            ("classify", LogisticRegression(max_iter=2000)),
        ]
    )
    search = GridSearchCV(
        pipeline, {"encode__pooling": ["mean", "max"]}, cv=GroupKFold(2), error_score="raise"
    )
    subjects = dataset.subjects[split.train]  # nobody is on both sides of a fold
    search.fit(train, dataset.labels[split.train], groups=subjects)
    accuracy = float(search.score(test, dataset.labels[split.test]))
    print(f"pooling by cross-validation: {search.best_params_['encode__pooling']}")
    print(f"accuracy on {len(test)} test clips: {100 * accuracy:.1f} %")
    return accuracy


if __name__ == "__main__":
    main(*(sys.argv[1:3] if len(sys.argv) > 2 else ("runs/demo", "data/synthetic_demo")))
