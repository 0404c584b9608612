"""Duplicates: which reports are about the same matter. Pure functions over columns; a person merges, never this.

columns    reports as columns, and what is derived of each          pairs     which pairs are looked at: near-linear
features   what is measured of a pair and of its place in the list  ranking   the learned order and two yardsticks
model      the learned numbers as a checked JSON file               fitting   learns them from pairs that staff named
nearby     one new report against recent ones, with reasons         measuring recall against labels
"""
