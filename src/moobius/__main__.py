"""`python -m moobius`: the same commands as `moobius`."""

import sys

from moobius.cli import main

if __name__ == "__main__":
    sys.exit(main())
