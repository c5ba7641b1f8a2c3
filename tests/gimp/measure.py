"""Print times and memory of both filters in a real GIMP: python -m tests.gimp.measure [SUITE].

From the call of the procedure to the finished layer, in a headless GIMP with Limner installed;
what else the machine does shows in the times. See README.md beside this file for what it needs.
"""

import json
import os
import sys

from tests.gimp.session import INSIDE, Session

LIMIT_S = 1200


def main(suite: str = "trixie") -> int:
    session = Session.prepare(suite)
    script = f"import sys; sys.path.insert(0, '{INSIDE}'); import measure; measure.main()"
    command = ["gimp-console", "-id", "--batch-interpreter=python-fu-eval", "-b", script, "--quit"]
    session.chroot.run(command, "measure.log", LIMIT_S)
    rows = json.loads((session.out / "measured.json").read_text())
    print(f"GIMP {session.version}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'filter':<24}{'megapixels':>11}{'seconds':>9}{'processor s':>13}{'start':>7}"
          f"{'GIMP +MB':>10}{'plug-in MB':>12}{'worker MB':>11}")  # fmt: skip
    for row in rows:
        width, height = row["size"]
        print(f"{row['filter']:<24}{width * height / 1e6:>11.0f}{row['seconds']:>9.1f}"
              f"{row['processor']:>13.1f}{row['start']:>7.1f}{row['gimp']:>10.0f}"
              f"{row['plug-in']:>12.0f}{row['worker']:>11.0f}"
              f"  {row['message']}")  # fmt: skip
    return any(row["status"] != "success" for row in rows)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
