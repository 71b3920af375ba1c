"""``python -m devkit.autopilot``: see `devkit.autopilot.command`."""

import sys

from devkit.autopilot.command import main

sys.exit(main(sys.argv[1:]))
