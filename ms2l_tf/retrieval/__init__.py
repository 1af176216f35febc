"""The clips of a dataset that are nearest to a given one by the features of a model."""
