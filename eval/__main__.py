"""`python -m eval`: as the console script, whatever lies in the working folder.

Only an `eval.py` there would still be taken for us, before any line of ours runs:
use the console script, or `python -P -m eval`.
"""

import sys

from ppim_port.program import drop_working_folder

drop_working_folder()

from eval.cli import main  # noqa: E402 - the path had to be mended first

if __name__ == "__main__":
    sys.exit(main())
