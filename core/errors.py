"""Everything that can go wrong on purpose.

    LimnerError
     ├─ BadRequest           bad_request          the caller broke the protocol or a range
     ├─ ImageUnsupported     image_unsupported    these pixels cannot be coloured or painted
     ├─ FileUnreadable       file_unreadable      a picture on disk cannot be read
     ├─ FileUnwritable       file_unwritable      a result cannot be saved
     ├─ ModelError
     │   ├─ ModelMissing     model_missing        no model of that name is installed
     │   ├─ ModelCorrupt     model_corrupt        manifest or weights are damaged
     │   └─ ModelUnsupported model_unsupported    a sound model that this version cannot run
     ├─ DeviceUnavailable    device_unavailable   the chosen execution provider is not there
     └─ OutOfMemory          out_of_memory        not enough memory, even with smaller tiles

An error crosses the pipe as data: its code, one sentence for the user, and a hint that says
what to do. Anything that is no LimnerError is a bug of ours: the worker sends it as `internal`
and writes the traceback to its log.
"""


class LimnerError(Exception):
    """A failure that the user is told about.

    Args:
        sentence: what happened, one sentence that ends with a full stop.
        hint: what to do about it, one sentence; the class's own where not given.
    """

    code = "internal"
    hint = "Please report this with the log that the message names."

    def __init__(self, sentence: str, hint: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = self.hint if hint is None else hint

    def __str__(self) -> str:
        return f"{self.sentence} {self.hint}".strip()


class BadRequest(LimnerError):
    """The caller sent something outside the protocol or outside a parameter's range."""

    code = "bad_request"
    hint = "Check the values; the command's help lists the ranges."


class ImageUnsupported(LimnerError):
    """The pixels cannot be worked on: empty, too thin, transparent, not finite."""

    code = "image_unsupported"
    hint = "Choose another layer or picture."


class FileUnreadable(LimnerError):
    """A picture file cannot be read."""

    code = "file_unreadable"
    hint = "Check that the file is a whole PNG, JPEG, TIFF or WebP picture."


class FileUnwritable(LimnerError):
    """A result cannot be saved; nothing half-written is left."""

    code = "file_unwritable"
    hint = "Check the folder's permissions and the free space on the disk."


class ModelError(LimnerError):
    """Something is wrong with a model."""

    code = "model_error"
    hint = "Run install.py again to put the models back."


class ModelMissing(ModelError):
    """No installed model fits the name or the task."""

    code = "model_missing"


class ModelCorrupt(ModelError):
    """A model's manifest or weights are damaged or not what the manifest says."""

    code = "model_corrupt"


class ModelUnsupported(ModelError):
    """A model that this version of Limner does not know how to run."""

    code = "model_unsupported"
    hint = "Update Limner, or choose another model."


class DeviceUnavailable(LimnerError):
    """The execution provider that was asked for is not installed or finds no device."""

    code = "device_unavailable"
    hint = "Choose the device 'auto' or 'cpu', or run install.py with --accelerator."


class OutOfMemory(LimnerError):
    """Memory ran out, also with the smallest tiles."""

    code = "out_of_memory"
    hint = "Close other programs, or work on a smaller picture."
