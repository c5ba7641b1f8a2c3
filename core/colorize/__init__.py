"""Auto Colorize for photographs."""
