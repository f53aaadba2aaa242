"""A corpus of broken media, made anew each time from a seed."""

import io
import struct
import zlib
from collections.abc import Iterator

import av
import numpy as np
from PIL import Image as Pillow

from tests.processing.engine.media_kinds import encode, rgb, scene, still, yuv

PIXELS = (96, 128)


def whole() -> dict[str, bytes]:
    """One sound file of each kind, some 10 to 60 kB."""
    pictures = [scene(n // 12, *PIXELS) for n in range(36)]
    frames = [yuv(picture) for picture in pictures]
    keyed = {"x264-params": "keyint=12", "preset": "ultrafast"}
    noisy = np.random.default_rng(1).integers(0, 60, (*PIXELS, 3), dtype=np.uint8) + scene(1, *PIXELS) // 2
    return {
        "mp4": encode(frames, options=keyed).getvalue(),
        "mov": encode(frames, container="mov", options=keyed).getvalue(),
        "webm": encode(frames, codec="libvpx", container="webm", options={"cpu-used": "8", "g": "12"}).getvalue(),
        "jpeg": still(noisy, "JPEG").getvalue(),
        "png": still(noisy, "PNG").getvalue(),
        "heic": still(noisy, "HEIF").getvalue(),
    }


def truncated(data: bytes, points: int = 20) -> Iterator[bytes]:
    for point in range(points):
        yield data[: len(data) * point // points]


def flipped(files: dict[str, bytes], count: int = 200, seed: int = 4) -> Iterator[tuple[str, bytes]]:
    """Copies with one to eight bytes changed anywhere, every second time among the first 600, where the structure lies."""
    chance = np.random.default_rng(seed)
    kinds = sorted(files)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        data = bytearray(files[kind])
        reach = min(600, len(data)) if number % 2 else len(data)
        for _ in range(int(chance.integers(1, 9))):
            data[int(chance.integers(reach))] ^= int(chance.integers(1, 256))
        yield kind, bytes(data)


def png_of_one_colour(width: int, height: int) -> bytes:
    """A grey PNG of one bit a pixel, packed as tightly as PNG allows."""
    line = bytes(1 + (width + 7) // 8)
    packer = zlib.compressobj(9)
    packed = b"".join([*(packer.compress(line) for _ in range(height)), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def png_with_a_bomb_of_text() -> bytes:
    """A tiny picture, with a comment that unpacks to half a gigabyte."""
    packer = zlib.compressobj(9)
    megabyte = bytes(1 << 20)
    packed = b"".join([*(packer.compress(megabyte) for _ in range(512)), packer.flush()])
    picture = still(scene(0), "PNG").getvalue()
    return picture[:33] + _chunk(b"zTXt", b"Comment\x00\x00" + packed) + picture[33:]


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def song() -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as film:
        voice = film.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.rate = 16000
        film.mux(voice.encode(sound))
        film.mux(voice.encode())
    return target.getvalue()


def without_keyframes() -> bytes:
    """A stream whose first keyframe has been lost, and that has no other."""
    stream = encode(
        [yuv(scene(n // 4, *PIXELS)) for n in range(30)],
        container="h264",
        options={"x264-params": "keyint=infinite:scenecut=0:slices=1", "preset": "ultrafast"},
    ).getvalue()
    units = stream.split(b"\x00\x00\x01")
    return b"\x00\x00\x01".join(unit for unit in units if not unit or unit[0] & 0x1F != 5)


def intra_refresh() -> bytes:
    """A stream that has no keyframe but the first, and is renewed column by column."""
    return encode(
        [yuv(scene(0, *PIXELS)) for _ in range(30)],
        options={"x264-params": "intra-refresh=1:keyint=10", "preset": "ultrafast"},
    ).getvalue()


def empty_film() -> bytes:
    """An MP4 with a picture track that holds no picture."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        film.start_encoding()
    return target.getvalue()


def unusual() -> dict[str, bytes]:
    """Files that are no damage's fault: too large, too small, too fast, too little."""
    fast = encode([rgb(scene(0, 16, 16)).reformat(format="yuv420p")] * 120, rate=240, options={"preset": "ultrafast"})
    tiny = still(Pillow.new("L", (9, 9)), "PNG").getvalue()
    return {
        "a bomb of a gigapixel": png_of_one_colour(32768, 32768),
        "16k x 16k": png_of_one_colour(16384, 16384),
        "just within the limit": png_of_one_colour(10000, 9990),
        "a bomb of text": png_with_a_bomb_of_text(),
        "a header that lies": tiny.replace(b"\x00\x00\x00\x09" * 2, b"\x7f\xff\xff\xff" * 2),
        "1 x 1": still(scene(0, 1, 1), "PNG").getvalue(),
        "a film of 2 x 2": encode([rgb(scene(0, 2, 2)).reformat(format="yuv420p")] * 5).getvalue(),
        "zero duration": encode([yuv(scene(0))], times=[0]).getvalue(),
        "no picture in it": empty_film(),
        "audio only": song(),
        "240 frames a second": fast.getvalue(),
        "no keyframes": without_keyframes(),
        "intra refresh": intra_refresh(),
        "empty": b"",
        "one byte": b"\x00",
        "text called film.mp4": b"I am a text called film.mp4\n" * 100,
        "noise": np.random.default_rng(0).bytes(100_000),
        "zeros": bytes(100_000),
    }
