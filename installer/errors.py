"""A failure that the person who installs is told about: a sentence, and what to do."""

import errno


class InstallError(Exception):
    """Setting up cannot go on.

    Args:
        sentence: what happened, ends with a full stop.
        hint: what to do about it, ends with a full stop.
    """

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.sentence} {self.hint}"


FREE_SPACE = "Free about 500 MB there, or choose another place with --data-dir, and run it again."


def from_os_error(error: OSError) -> InstallError:
    """The sentence for a system call that failed."""
    where = error.filename2 or error.filename or "a file"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InstallError(f"The disk is full (at {where}).", FREE_SPACE)
    if error.errno in (errno.EACCES, errno.EPERM):
        return InstallError(
            f"There is no permission to change {where}.",
            "Close GIMP if it is open, check who owns that folder, and run install.py again.",
        )
    if error.errno == errno.EROFS:
        return InstallError(
            f"The place of {where} is read-only.", "Choose another place with --data-dir."
        )
    reason = error.strerror or type(error).__name__
    return InstallError(f"{reason}: {where}.", "Put that right and run install.py again.")
