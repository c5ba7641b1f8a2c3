#!/usr/bin/env python3
"""Set Limner up: `python3 install.py`, or a double click. `--help` lists what else it does.

This file also runs in an old Python, so that it can say that the Python is too old; all the rest
is in installer/.
"""

import sys

OLDEST = (3, 11)


def refuse_old_python():
    """End with one sentence where this Python cannot run Limner."""
    if sys.version_info >= OLDEST:
        return
    sys.stderr.write(
        "Limner needs Python 3.11 or newer and this is Python "
        + sys.version.split()[0]
        + ": install a newer one (your system's packages or python.org) and start install.py "
        "with that.\n"
    )
    if len(sys.argv) == 1 and sys.platform == "win32":
        sys.stderr.write("Press Enter to close this window.")
        sys.stdin.readline()
    sys.exit(1)


if __name__ == "__main__":
    refuse_old_python()
    sys.dont_write_bytecode = True  # a checkout stays as it is, and may be read-only
    from installer.cli import main

    sys.exit(main())
