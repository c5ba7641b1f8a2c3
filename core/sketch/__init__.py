"""Auto Colorize for drawings."""
