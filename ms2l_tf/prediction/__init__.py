"""Predictions of an exported model: of clips, of long recordings, of frames as they come."""
