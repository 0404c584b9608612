"""Backups of an installation: a store of pieces named by their SHA-256, and dated snapshots that say which pieces make which file.

    DIR/store.json                what this folder is, and of which installation
    DIR/snapshots/<time>.json     one backup each, complete from the moment it has this name (`manifest.py`)
    DIR/objects/ab/<sha256>       whole files that never change: sealed Parquet, photos
    DIR/objects/ab/<sha256>.zst   64 KiB of a database file, compressed (`zstd -dc` reads it)
    DIR/tmp/                      what is being written; left over only by a killed backup, removed by the next

A second backup writes only the pieces that are not there yet. `take.py` makes a snapshot, `restore.py` makes a data folder of one,
`reconcile.py` makes the restored city consistent, `verify.py` and `keeping.py` look after the store. docs/decisions/0012-backup.md
says why it is as it is.
"""
