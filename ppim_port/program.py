"""What both programs share: errors become one message and an exit code.

Exit codes: 0 success, 1 the answer is no, 2 usage, 3 bad input, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path

from ppim_port.errors import PpimError

INTERRUPTED = 130


def run(program: str, body: Callable[[], int]) -> int:
    """Run a program's body; report an error of ours on standard error.

    Anything else than our own errors is a bug and keeps its traceback.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # A path may hold bytes that are no text; a report of it must not crash.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = body()
        sys.stdout.flush()
    except PpimError as error:
        sys.stderr.write(f"{program}: error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write(f"{program}: interrupted; nothing was half-written\n")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader left (`| head`): nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def drop_working_folder() -> None:
    """Forget the working folder that `python -m` puts before everything else.

    A `torch.py` or `cv2.py` that happens to lie there would otherwise be imported in
    place of the real one. Our own folder stays, for a checkout that is not installed.
    """
    ours = Path(__file__).resolve().parent.parent
    here = Path.cwd()
    if sys.path and Path(sys.path[0]).resolve() == here != ours:
        del sys.path[0]
