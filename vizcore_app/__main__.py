"""python -m vizcore_app: the command ``vizcore``."""

import sys

from vizcore_app.command import main

if __name__ == "__main__":
    sys.exit(main())
