"""Measurements. Scenarios are data (`scenarios/`), one runner (`all.py`), results per release with the machine named (`results/`)."""
