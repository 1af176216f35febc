"""A trained run as files that other programs load: SavedModel, .keras, ONNX, LiteRT."""
