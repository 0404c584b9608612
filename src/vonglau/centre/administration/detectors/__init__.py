"""Detectors: how far each has come, which stand still and why, and what a person can do about it."""
