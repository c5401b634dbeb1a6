"""Keras in tests: its settings file goes to a folder of its own, not to the user's.

Keras writes that file while it is imported, where there is none. Imported before Keras.
"""

from __future__ import annotations

import os
import tempfile

HOME = os.environ.setdefault("KERAS_HOME", tempfile.mkdtemp(prefix="keras-"))
