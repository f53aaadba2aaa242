"""A search for plaintext: does any file below a folder begin with, or hide, an image, film, sound, tensor or archive?

The data folder holds ciphertext and a database; a finding in it means that something was stored in the clear.
Ciphertext looks random, so what is searched for anywhere has at least six fixed bytes: even a terabyte of ciphertext
gives a chance finding but once in some thirty times. Shorter signatures count at a file's beginning only.
"""

import re
from dataclasses import dataclass
from pathlib import Path

PIECE = 4 * 1024 * 1024
# No pattern is longer, so none is lost where two pieces meet.
OVERLAP = 256


@dataclass(frozen=True)
class Finding:
    """Where something in the clear begins: the file, the byte in it, and what it is."""

    path: Path
    offset: int
    signature: str


@dataclass(frozen=True)
class Signature:
    """`anchor` is found quickly; `pattern` must then match `before` bytes earlier, which is where the format begins."""

    name: str
    anchor: bytes
    pattern: re.Pattern[bytes]
    before: int = 0


def _anywhere(name: str, anchor: bytes, pattern: bytes = b"", before: int = 0) -> Signature:
    return Signature(name, anchor, re.compile(pattern or re.escape(anchor), re.DOTALL), before)


_BRANDS = rb"(?:isom|iso\d|mp4[12]|avc1|av01|qt  |M4[VAP] |heic|heix|hevc|mif1|msf1|avif|avis|3g[p2].|dash|MSNV|f4v )"

ANYWHERE = (
    _anywhere("JPEG", b"\xff\xd8\xff\xe0", rb"\xff\xd8\xff\xe0..(?:JFIF|JFXX)\0"),
    _anywhere("JPEG", b"\xff\xd8\xff\xe1", rb"\xff\xd8\xff\xe1..(?:Exif\0|http:)"),
    _anywhere("JPEG", b"\xff\xd8\xff\xe2", rb"\xff\xd8\xff\xe2..ICC_PROFILE"),
    _anywhere("JPEG", b"\xff\xd8\xff\xee", rb"\xff\xd8\xff\xee..Adobe"),
    _anywhere("JPEG", b"\xff\xd8\xff\xdb\0", rb"\xff\xd8\xff\xdb\0[\x43\x84]\0"),
    _anywhere("PNG", b"\x89PNG\r\n\x1a\n"),
    _anywhere("GIF", b"GIF8", rb"GIF8[79]a"),
    _anywhere("WebP", b"WEBPVP8", rb"RIFF....WEBPVP8", before=8),
    _anywhere("JPEG XL", b"\0\0\0\x0cJXL \r\n\x87\n"),
    _anywhere("JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n"),
    _anywhere("MP4 or HEIF", b"ftyp", rb"\0\0[\0-\x03].ftyp" + _BRANDS, before=4),
    _anywhere("WebM or Matroska", b"\x1aE\xdf\xa3", rb"\x1aE\xdf\xa3.{1,80}?B\x82.(?:webm|matroska)"),
    _anywhere("AVI", b"AVI LIST", rb"RIFF....AVI LIST", before=8),
    _anywhere("WAV", b"WAVE", rb"RIFF....WAVE(?:fmt |JUNK|bext|LIST|fact)", before=8),
    _anywhere("Ogg", b"OggS\0\x02"),
    _anywhere("FLAC", b'fLaC\0\0\0"'),
    _anywhere("NumPy array", b"\x93NUMPY"),
    _anywhere("PyTorch tensors", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."),
    _anywhere("safetensors", b'"dtype":"', rb'"dtype":"[A-Z0-9_]{2,8}","shape":\['),
    _anywhere("HDF5", b"\x89HDF\r\n\x1a\n"),
    # numpy's .npz and torch.save are ZIP archives: version, flags and method have narrow ranges.
    _anywhere("ZIP, npz or PyTorch", b"PK\x03\x04", rb"PK\x03\x04[\0-\x3f]\0[\0-\x0f][\0\x08][\0\x08\x09\x0c\x0e\x5f]\0"),
    _anywhere("7-Zip", b"7z\xbc\xaf\x27\x1c"),
    _anywhere("xz", b"\xfd7zXZ\0"),
    _anywhere("bzip2", b"1AY&SY", rb"BZh[1-9]1AY&SY", before=4),
    _anywhere("RAR", b"Rar!\x1a\x07"),
    _anywhere("tar", b"ustar", rb"ustar(?:\x0000|  \0)"),
    _anywhere("base64 JPEG", b"/9j/4AAQSkZJRg"),
    _anywhere("base64 PNG", b"iVBORw0KGgo"),
)

AT_START = (
    ("JPEG", rb"\xff\xd8\xff[\xc0-\xfe]"),
    ("TIFF", rb"II\*\0|MM\0\*|II\+\0|MM\0\+"),
    ("BMP", rb"BM....\0\0\0\0"),
    ("WebM or Matroska", rb"\x1aE\xdf\xa3"),
    ("RIFF", rb"RIFF....[A-Z]{3}"),
    ("Flash video", rb"FLV\x01"),
    ("MPEG", rb"\0\0\x01[\xb3\xba]"),
    ("MPEG transport stream", rb"\x47.{187}\x47.{187}\x47.{187}\x47"),
    ("H.264", rb"\0\0\0?\x01[\x09\x67]"),
    ("IVF", rb"DKIF\0\0"),
    ("MP3", rb"ID3[\x02-\x04]\0"),
    ("TensorFlow Lite", rb"....TFL3"),
    ("Python pickle", rb"\x80[\x04\x05]\x95.{5}\0\0\0"),
    ("ZIP", rb"PK(?:\x03\x04|\x05\x06)"),
    ("gzip", rb"\x1f\x8b\x08[\0-\x1f]"),
    ("Zstandard", rb"\x28\xb5\x2f\xfd"),
)
_AT_START = tuple((name, re.compile(pattern, re.DOTALL)) for name, pattern in AT_START)


def find_plaintext(folder: Path) -> list[Finding]:
    """Everything in the clear in the files below `folder`, databases and hidden files included.

    Gives the first finding of each kind in each file, by path and offset. A file that is gone before it is read is no
    finding; one that may not be read raises OSError, since what was not searched cannot be called clean.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"There is no folder {folder} to search.")
    findings: list[Finding] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            findings.extend(_search(path))
    return findings


def _search(path: Path) -> list[Finding]:
    first: dict[str, int] = {}
    try:
        with path.open("rb") as file:
            # Read in pieces rather than mapped: a running database may shorten its files at any moment.
            piece, begins = file.read(PIECE), 0
            first.update({name: 0 for name, pattern in _AT_START if pattern.match(piece)})
            while piece:
                for name, offset in _first_of_each(piece).items():
                    first.setdefault(name, begins + offset)
                fresh = file.read(PIECE)
                begins += max(0, len(piece) - OVERLAP)
                piece = piece[-OVERLAP:] + fresh if fresh else b""
    except FileNotFoundError:
        # A running system replaces files while they are listed.
        return []
    return [Finding(path, offset, name) for name, offset in sorted(first.items(), key=lambda item: item[1])]


def _first_of_each(piece: bytes) -> dict[str, int]:
    first: dict[str, int] = {}
    for signature in ANYWHERE:
        at = piece.find(signature.anchor)
        while at >= 0:
            begin = at - signature.before
            if begin >= 0 and signature.pattern.match(piece, begin):
                first[signature.name] = min(begin, first.get(signature.name, begin))
                break
            at = piece.find(signature.anchor, at + 1)
    return first
