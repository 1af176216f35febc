"""Pointing: a network learns to find the closed-form features of a clip it sees a part of."""
