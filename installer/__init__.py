"""What install.py does: standard library only, and of core the parts that are that, too.

cli        the command line, and every failure as one sentence
places     where things go on this system, and which GIMPs this user has
steps      work as a list that can be printed instead of done
files      copying, swapping and removing folders without leaving half of one
wheels     which packages an accelerator needs
runtime    the private Python that runs core
plug_in    the plug-in's folder in a GIMP profile
record     install.json: what was put where
setup      installing, as steps
remove     uninstalling, as steps
proof      a picture coloured by the installed worker
check      everything looked at again, and the block for a bug report
"""
