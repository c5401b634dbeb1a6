"""`make demo`: convert and evaluate something small and real, in both frameworks.

First a RedNet-26, whose checkpoint is made on the spot (see checkpoint.py), on pictures
that are drawn (see pictures.py). Then real pretrained weights: EfficientNet-Lite0's,
which a Python package brings (the extra `demo`), on photographs (see photographs/).
Both ship with the repository or are installed with it, so no step needs a network.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from demo import checkpoint, classify  # noqa: E402 - found only with the path above

PICTURES = Path("demo/pictures")
VAL_LIST = PICTURES / "val_list.txt"
CHECKPOINT = Path("build/demo/rednet26.pth")
CONVERTED = CHECKPOINT.with_suffix(".pdparams")
REAL = "efficientnet_lite0"
REAL_CONVERTED = Path(f"build/demo/{REAL}.pdparams")

EVALUATE = (
    f"evaluate --model rednet26 --weights {CONVERTED} --val-dir {PICTURES} "
    f"--val-list {VAL_LIST} --quiet"
)
COMMANDS = (
    f"convert rednet26 --checkpoint {CHECKPOINT} --out {CONVERTED} --force",
    EVALUATE,
    f"{EVALUATE} --framework torch",
)
REAL_COMMAND = f"convert {REAL} --out {REAL_CONVERTED} --force"


def run(command: str) -> int:
    """Run a command as a user would; its exit code."""
    print(f"\n$ {command}", flush=True)
    program, *options = shlex.split(command)
    script = Path(sys.executable).parent / program
    return subprocess.run([script, *options], cwd=ROOT, check=False).returncode


def main() -> int:
    """Run every command; stop at the first that fails."""
    print(__doc__)
    print(f"$ # a seeded checkpoint in the official layout: {CHECKPOINT}")
    checkpoint.make(ROOT / CHECKPOINT, ROOT / PICTURES, ROOT / VAL_LIST)
    for command in COMMANDS:
        if code := run(command):
            return code
    print("\nThe same files, evaluated in both frameworks; the numbers above are of")
    print("a made-up classifier on drawn pictures, not of the published model.")
    print(f"\nReal weights: {REAL}, trained on ImageNet.")
    if code := run(REAL_COMMAND):
        return code
    print("\n$ # what is on the photographs of demo/photographs")
    if not classify.show(REAL, ROOT / REAL_CONVERTED):
        print("The two frameworks name different classes: the port is not right.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
