"""`python -m convert`: as the console script, whatever lies in the working folder."""

import sys

from ppim_port.program import drop_working_folder

drop_working_folder()

from convert.cli import main  # noqa: E402 - the path had to be mended first

if __name__ == "__main__":
    sys.exit(main())
