"""``python -m facefatigue``."""

import sys

from facefatigue.cli import main

sys.exit(main())
