"""Django's settings for the tests of a service's own package: the product's, in a data folder made for this run."""

import atexit
import os
import shutil
import tempfile

_DATA = tempfile.mkdtemp(prefix="vonglau-test-")
os.environ["VONGLAU_DATA"] = _DATA
atexit.register(shutil.rmtree, _DATA, ignore_errors=True)

from vonglau.web.settings import *  # noqa: E402, F403 - the product's own, whatever they are
