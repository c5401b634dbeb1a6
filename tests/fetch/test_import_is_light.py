from __future__ import annotations

import subprocess
import sys

HEAVY = ("requests", "urllib3", "tqdm", "filelock", "platformdirs", "numpy")


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split()) & set(HEAVY)


def test_import_loads_no_network_library() -> None:
    assert loaded_after("import ppim_port.fetch, ppim_port.fetch.cache") == set()


def test_proof_can_fail() -> None:
    assert "requests" in loaded_after("import ppim_port.fetch.wire")
