"""Why an upload, or a part of it, was not taken in.

Each message is written for the person; `status` is what HTTP calls it.
"""

import errno
import sqlite3


class UploadRefused(Exception):
    """This upload cannot be taken in as it is."""

    status = 422


class BadRequest(UploadRefused):
    status = 400


class WrongOffset(UploadRefused):
    status = 409


class Gone(UploadRefused):
    status = 410


class TooLarge(UploadRefused):
    status = 413


class Busy(UploadRefused):
    status = 423

    def __init__(self) -> None:
        super().__init__("This file is being written by another connection right now: try again in half a minute.")


class DiskFull(UploadRefused):
    status = 507

    def __init__(self) -> None:
        super().__init__(
            "The disk of this server is full. What has arrived is kept: tell the operator, and go on once there is room."
        )


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def says_full(error: BaseException) -> bool:
    """Whether an error of the file system or of the database means that there is no room left."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    cause = error.__cause__
    # SQLite names the fault by number, PostgreSQL by its SQLSTATE
    return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or getattr(cause, "sqlstate", None) == "53100"
