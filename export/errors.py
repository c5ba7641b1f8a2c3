"""What can go wrong in training and export, each with one clear sentence.

core.errors.LimnerError
 +-- DataUnusable         no picture to train on, unreadable source or weights
 +-- CheckpointUnusable   truncated, of another network, or made by something else
 +-- TrainingDiverged     the loss is no longer a number
 +-- ExportRefused        PyTorch and ONNX Runtime disagree, or the model is malformed
 +-- BadPreset            a preset or flag names something that does not exist
"""

from __future__ import annotations

from core.errors import LimnerError


class DataUnusable(LimnerError):
    hint = ""
    code = "data_unusable"


class CheckpointUnusable(LimnerError):
    hint = ""
    code = "checkpoint_unusable"


class TrainingDiverged(LimnerError):
    hint = "Resume from the last checkpoint with a lower learning rate."
    code = "training_diverged"


class ExportRefused(LimnerError):
    hint = ""
    code = "export_refused"


class BadPreset(LimnerError):
    hint = ""
    code = "bad_preset"
