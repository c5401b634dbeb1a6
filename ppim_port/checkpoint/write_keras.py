"""Writing what Keras 3 loads: `.weights.h5`, and `.keras` archives around it.

Same weights, same bytes: HDF5 notes no times unless asked to, and the archive gets a
fixed date where Keras writes the day's.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import BinaryIO

from ppim_port.checkpoint.hdf5 import library
from ppim_port.checkpoint.keras_file import CONFIG, METADATA, WEIGHTS
from ppim_port.checkpoint.prepared import contiguous
from ppim_port.state_dict import StateDict

CONFIG_KEY, VERSION_KEY = "config", "keras_version"
# The earliest that a zip archive can say.
_DATE = (1980, 1, 1, 0, 0, 0)
_DATE_TEXT = "1980-01-01@00:00:00"


def write_weights(state: StateDict, file: BinaryIO) -> None:
    """Write tensors under their paths, e.g. `layers/dense/vars/0`.

    Raises:
        MissingPackageError: h5py is not installed.
    """
    h5py = library()
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as h5:
        for path, value in state.items():
            h5.create_dataset(path, data=contiguous(value))
    file.write(buffer.getbuffer())


def write_archive(
    state: StateDict, file: BinaryIO, *, metadata: Mapping[str, str]
) -> None:
    """Write an archive that `keras.models.load_model` takes.

    Args:
        state: as for `write_weights`.
        file: where to.
        metadata: "config", the net's own description as JSON text, and
            "keras_version".
    """
    # Here, because nothing else of the package needs it.
    from zipfile import ZIP_STORED, ZipFile, ZipInfo

    buffer = io.BytesIO()
    write_weights(state, buffer)
    noted = {"keras_version": metadata[VERSION_KEY], "date_saved": _DATE_TEXT}
    members = {
        METADATA: json.dumps(noted).encode(),
        CONFIG: metadata[CONFIG_KEY].encode(),
        WEIGHTS: buffer.getvalue(),
    }
    with ZipFile(file, "w", ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(ZipInfo(name, _DATE), data)
