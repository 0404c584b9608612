"""History: what any engine's log seals, as Parquet files and the manifest that names them.

The files, their readers and the order of sealing are the same for every engine; the manifest is a table of the engine's own
database, so that it commits together with the log. An engine brings a `Manifest` for reading and `Steps` for sealing.
"""

from vonglau.engines.history.files import Manifest, SealedFile, folder
from vonglau.engines.history.reading import SealedFiles
from vonglau.engines.history.sealing import Pace, Steps, seal
from vonglau.engines.history.snapshot import Asked, HistoryReader

__all__ = ["Asked", "HistoryReader", "Manifest", "Pace", "SealedFile", "SealedFiles", "Steps", "folder", "seal"]
