"""`evaluate` in a process of its own, without a framework, that may end suddenly.

    python -m tests.eval.runs.program POINT CUT SIGNAL  <options of evaluate>

At the POINT-th write to a ledger it writes CUT thousandths of the data and sends itself
SIGNAL; 0 never does. Each picture that the net sees leaves a line in $SEEN.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import eval.prepare
from eval.cli import main
from eval.journal.file import Journal
from ppim_port.state_dict import Array
from tests.eval.runs.made_runs import Apart
from tests.support.fake_backend import FakeNet


class Counted(Apart):
    def predict(self, model: FakeNet, images: Array) -> Array:
        with Path(os.environ["SEEN"]).open("a") as file:
            file.writelines("picture\n" for _ in images)
        return super().predict(model, images)


def die_at(point: int, cut: int, name: str) -> None:
    left = [point]
    write = Journal._write

    def cut_short(self: Journal, data: bytes) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.write(self._file.fileno(), data[: len(data) * cut // 1000])
            os.kill(os.getpid(), getattr(signal, name))
            time.sleep(60)
        write(self, data)

    Journal._write = cut_short  # type: ignore[method-assign]


if __name__ == "__main__":
    # A parent that ignores SIGINT, as a shell's background job may, hands that down.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    eval.prepare.require = lambda name: None
    eval.prepare.get_backend = Counted
    die_at(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    sys.exit(main(sys.argv[4:]))
