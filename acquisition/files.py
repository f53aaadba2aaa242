"""Names and types of files that people bring."""

import re
import unicodedata
from pathlib import PurePosixPath

from acquisition.models import Footage

LONGEST_NAME = Footage._meta.get_field("filename").max_length or 255

# what a browser may show by itself; all else is handed out as an attachment without a type
SHOWN = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
}
UNSHOWN = "application/octet-stream"


def content_type_for(filename: str) -> str:
    """By the ending of the name. `UNSHOWN` for what is not on the list."""
    return SHOWN.get(PurePosixPath(filename).suffix.lower(), UNSHOWN)


def may_be_shown(content_type: str) -> bool:
    return content_type in SHOWN.values()


def clean_folder(path: str) -> str:
    """The folders of a path that a sender names, each cleaned like a file's name; the innermost of them, if they are too long."""
    parts = [clean_filename(part) for part in path.replace("\\", "/").split("/") if part.strip(" .")]
    while len("/".join(parts)) > LONGEST_NAME:
        parts = parts[1:]
    return "/".join(parts)


def clean_filename(name: str) -> str:
    """The last part of a path, without control and direction characters, at most LONGEST_NAME characters with its ending kept.

    "footage" where nothing is left.
    """
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    # Cc, Cf: control and format characters, among them those that turn the direction of text round; Cs: lone surrogates
    name = "".join(" " if unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else sign for sign in name)
    name = re.sub(r"\s+", " ", name).strip(" .")
    suffix = PurePosixPath(name).suffix[:20]
    if len(name) > LONGEST_NAME:
        name = name[: LONGEST_NAME - len(suffix)] + suffix
    return name or "footage"
