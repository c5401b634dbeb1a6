"""Writing .safetensors with the format's own library, the same bytes every time.

One metadata key holds canonical JSON: with two or more the library's output varies
from run to run. It notes the order of the keys too, since the library sorts tensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ppim_port.checkpoint.prepared import contiguous
from ppim_port.checkpoint.safetensors_file import METADATA_KEY
from ppim_port.state_dict import FrameworkName, StateDict


def write_safetensors(
    state: StateDict,
    path: Path,
    *,
    framework: FrameworkName,
    metadata: Mapping[str, str],
) -> None:
    """Write `state` under `path`, over what is there."""
    from safetensors.numpy import save_file

    noted = {**metadata, "framework": framework, "keys": list(state)}
    text = json.dumps(noted, sort_keys=True, separators=(",", ":"))
    # The library takes the bytes of a transposed view in the wrong order, silently.
    arrays = {key: contiguous(value) for key, value in state.items()}
    save_file(arrays, path, metadata={METADATA_KEY: text})
