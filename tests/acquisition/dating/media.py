"""Small files with dates in their tags, made by the programs that real ones come from, or box by box."""

import io
import struct

import av
import numpy as np
import pillow_heif
from PIL import Image, PngImagePlugin

XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description
 photoshop:DateCreated="{day}"/></rdf:RDF></x:xmpmeta>"""


def exif(original: str = "", digitised: str = "", modified: str = "") -> bytes:
    tags = Image.Exif()
    if modified:
        tags[0x0132] = modified
    inner = tags.get_ifd(0x8769)
    if original:
        inner[0x9003] = original
    if digitised:
        inner[0x9004] = digitised
    inner[0x9011] = "+02:00"
    return tags.tobytes()


def picture(kind: str, block: bytes = b"", xmp: str = "") -> bytes:
    """`kind` is JPEG, PNG, WEBP or HEIF."""
    pillow_heif.register_heif_opener()
    file, more = io.BytesIO(), {}
    if block:
        more["exif"] = block
    if xmp and kind == "PNG":
        more["pnginfo"] = PngImagePlugin.PngInfo()
        more["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp)
    elif xmp:
        more["xmp"] = xmp.encode()
    Image.new("RGB", (64, 48), (90, 60, 30)).save(file, kind, **more)
    return file.getvalue()


def film(container: str, **metadata: str) -> bytes:
    """A quarter of a second, written by ffmpeg with these tags; `container` is mp4, mov, matroska, webm or avi."""
    file = io.BytesIO()
    # without this flag ffmpeg writes only the tags that it knows
    options = (
        {"movflags": "use_metadata_tags"}
        if container in ("mp4", "mov") and "com.apple.quicktime.creationdate" in metadata
        else {}
    )
    with av.open(file, "w", format=container, options=options) as output:
        output.metadata.update(metadata)
        codec = {"webm": "libvpx", "avi": "mpeg4"}.get(container, "mpeg4")
        stream = output.add_stream(codec, rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(2):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def avi(text: bytes) -> bytes:
    """Only the headers of an AVI, with an IDIT as cameras write it."""
    headers = chunk(b"LIST", b"hdrl" + chunk(b"avih", bytes(56)) + chunk(b"IDIT", text))
    return chunk(b"RIFF", b"AVI " + headers + chunk(b"LIST", b"movi"))


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def mov(made: int, day: str = "") -> bytes:
    """A QuickTime header: mvhd with seconds since 1904, and, as telephones write it, a creationdate."""
    mvhd = box(b"mvhd", bytes(4) + struct.pack(">I", made) + bytes(92))
    meta = b""
    if day:
        keys = box(b"keys", struct.pack(">II", 0, 1) + box(b"mdta", b"com.apple.quicktime.creationdate"))
        value = box(b"data", struct.pack(">II", 1, 0) + day.encode())
        meta = box(b"meta", box(b"hdlr", bytes(25)) + keys + box(b"ilst", box(struct.pack(">I", 1), value)))
    return box(b"ftyp", b"qt  " + bytes(4)) + box(b"mdat", bytes(1000)) + box(b"moov", mvhd + meta)
