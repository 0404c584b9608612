"""The health of the installation, inside the product: what is seen (`seen.py`), what it means (`lines.py`), the page (`views.py`)."""
