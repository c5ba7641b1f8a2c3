#!/usr/bin/env python3
# -*- coding: utf-8 -*-
"""The script that GIMP starts; installed as plug-ins/limner/limner.py, beside plugin/ and core/.

GIMP 2.10 runs it with its Python 2.7, GIMP 3 with its Python 3. What is missing is told when a
filter is used, not here: a plug-in that fails while GIMP asks what it offers has no menu entry.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True  # uninstalling finds the files that were installed, and no others

if sys.version_info[0] == 2:
    from plugin.gimp2 import front_end
else:
    from plugin.gimp3 import front_end

front_end.main(HERE)
