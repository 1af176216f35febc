"""MS2L: motion prediction, jigsaw and contrastive learning around one encoder."""
