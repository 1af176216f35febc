"""The Python face: datasets, encoders as scikit-learn transformers, training, evaluation."""
