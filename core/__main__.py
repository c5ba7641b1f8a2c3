"""`python -m core …`, and the command `limner`: see core.cli.main.

The worker takes the short way, past everything that only the command line needs.
"""

import os
import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    # core.raster.bands keeps the cores busy; threads of NumPy's own below it would only be in the
    # way. This has to be said before NumPy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if sys.argv[1:] == ["worker"]:
        from core.worker.process import main as worker

        return worker()
    from core.cli.main import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
