"""`make demo`: convert and evaluate something small and real, in both frameworks.

Needs no network: the checkpoint is made on the spot (see checkpoint.py) and the
pictures are drawn ones that ship with the repository (see pictures.py).
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from demo import checkpoint  # noqa: E402 - found only with the path above

PICTURES = Path("demo/pictures")
VAL_LIST = PICTURES / "val_list.txt"
CHECKPOINT = Path("build/demo/rednet26.pth")
CONVERTED = CHECKPOINT.with_suffix(".pdparams")

EVALUATE = (
    f"evaluate --model rednet26 --weights {CONVERTED} --val-dir {PICTURES} "
    f"--val-list {VAL_LIST} --quiet"
)
COMMANDS = (
    f"convert rednet26 --checkpoint {CHECKPOINT} --out {CONVERTED} --force",
    EVALUATE,
    f"{EVALUATE} --framework torch",
)


def main() -> int:
    """Run every command as a user would; stop at the first that fails."""
    print(__doc__)
    print(f"$ # a seeded checkpoint in the official layout: {CHECKPOINT}")
    checkpoint.make(ROOT / CHECKPOINT, ROOT / PICTURES, ROOT / VAL_LIST)
    for command in COMMANDS:
        print(f"\n$ {command}", flush=True)
        program, *options = shlex.split(command)
        script = Path(sys.executable).parent / program
        code = subprocess.run([script, *options], cwd=ROOT, check=False).returncode
        if code:
            return code
    print("\nThe same files, evaluated in both frameworks; the numbers above are of")
    print("a made-up classifier on drawn pictures, not of the published model.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
