"""Skeleton poses in several conventions out of videos, by a pose model that the user provides."""
