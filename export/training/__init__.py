"""What every training shares: the loop, checkpoints, devices, losses."""
