"""`python -m ovnest` is `ovnest`."""

import sys

from ovnest.cli import main

if __name__ == "__main__":
    sys.exit(main())
