import base64
import io
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from generator.protection.scan import PIECE, Finding, find_plaintext
from tests.conftest import CLIPS

PICTURE = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)


def image_bytes(kind: str, **options) -> bytes:
    memory = io.BytesIO()
    Image.fromarray(PICTURE).save(memory, kind, **options)
    return memory.getvalue()


def film_bytes(kind: str, codec: str, pix_fmt: str = "yuv420p") -> bytes:
    memory = io.BytesIO()
    with av.open(memory, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(PICTURE, format="rgb24")))
        container.mux(stream.encode())
    return memory.getvalue()


def sound_bytes(kind: str, codec: str) -> bytes:
    memory = io.BytesIO()
    with av.open(memory, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.int16), format="s16", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return memory.getvalue()


def written(save) -> bytes:
    memory = io.BytesIO()
    save(memory)
    return memory.getvalue()


def tar_bytes(memory: io.BytesIO) -> None:
    with tarfile.open(fileobj=memory, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("face.jpg"), io.BytesIO())


def zip_bytes(memory: io.BytesIO) -> None:
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("face.jpg", b"anything")


PLAIN = {
    "JPEG": lambda: image_bytes("JPEG"),
    "PNG": lambda: image_bytes("PNG"),
    "GIF": lambda: image_bytes("GIF"),
    "WebP": lambda: image_bytes("WEBP"),
    "MP4 or HEIF": lambda: (CLIPS / "cap13_edit2.mp4").read_bytes()[:200_000],
    "WebM or Matroska": lambda: film_bytes("webm", "libvpx-vp9"),
    "AVI": lambda: film_bytes("avi", "mpeg4"),
    "Ogg": lambda: sound_bytes("ogg", "libopus"),
    "WAV": lambda: sound_bytes("wav", "pcm_s16le"),
    "NumPy array": lambda: written(lambda memory: np.save(memory, PICTURE)),
    "ZIP, npz or PyTorch": lambda: written(lambda memory: np.savez_compressed(memory, faces=PICTURE)),
    "tar": lambda: written(tar_bytes),
    "base64 JPEG": lambda: b"data:image/jpeg;base64," + base64.b64encode(image_bytes("JPEG")),
}
MORE = {
    "npz": lambda: written(lambda memory: np.savez(memory, faces=PICTURE)),
    "torch": lambda: written(lambda memory: torch.save({"weight": torch.zeros(4, 4)}, memory)),
    "legacy torch": lambda: written(
        lambda memory: torch.save({"weight": torch.zeros(4)}, memory, _use_new_zipfile_serialization=False)
    ),
    "zip": lambda: written(zip_bytes),
    "AVIF": lambda: image_bytes("AVIF"),
    "JPEG with Exif": lambda: image_bytes("JPEG", exif=Image.Exif().tobytes() + bytes(20)),
}


def ciphertext(count: int, seed: int = 1) -> bytes:
    return np.random.default_rng(seed).bytes(count)


@pytest.mark.parametrize("signature", PLAIN)
@pytest.mark.parametrize("before", [0, 5003])
def test_a_plain_file_is_found_even_in_the_middle_of_ciphertext(tmp_path, signature, before):
    path = tmp_path / "aa/bb/object"
    path.parent.mkdir(parents=True)
    path.write_bytes(ciphertext(before) + PLAIN[signature]())

    found = {finding.signature: finding for finding in find_plaintext(tmp_path)}

    assert found[signature].path == path
    assert before <= found[signature].offset < before + 1000


@pytest.mark.parametrize("shift", [-12, -8, -4, -1, 0])
def test_a_plain_file_is_found_where_two_pieces_meet(tmp_path, shift):
    for signature in ("PNG", "MP4 or HEIF", "WebM or Matroska"):
        (tmp_path / signature).write_bytes(ciphertext(PIECE + shift) + PLAIN[signature]())

    assert find_plaintext(tmp_path) == [
        Finding(tmp_path / signature, PIECE + shift, signature) for signature in ("MP4 or HEIF", "PNG", "WebM or Matroska")
    ]


@pytest.mark.parametrize("content", [*PLAIN, *MORE])
def test_a_blob_in_a_database_is_found(tmp_path, content):
    database = sqlite3.connect(tmp_path / "db.sqlite3")
    database.execute("CREATE TABLE kept (name TEXT, content BLOB)")
    for number in range(20):
        database.execute("INSERT INTO kept VALUES (?, ?)", ("ciphertext", ciphertext(3000, number)))
    blob = (PLAIN | MORE)[content]()
    database.execute("INSERT INTO kept VALUES (?, ?)", ("plain", blob))
    database.commit()
    database.close()

    assert find_plaintext(tmp_path)


@pytest.mark.parametrize("content", MORE)
def test_other_forms_of_the_same_are_found_too(tmp_path, content):
    (tmp_path / ".hidden").write_bytes(MORE[content]())

    assert find_plaintext(tmp_path)[0].path == tmp_path / ".hidden"


@pytest.mark.parametrize(
    ("begins", "signature"),
    [
        (b"\xff\xd8\xff\xdb", "JPEG"),
        (b"II*\0", "TIFF"),
        (b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"PK\x03\x04", "ZIP"),
        (b"ID3\x04\0", "MP3"),
    ],
)
def test_short_signatures_count_at_the_beginning_only(tmp_path, begins, signature):
    (tmp_path / "inside").write_bytes(b"\x28" + ciphertext(500) + begins + ciphertext(500))
    assert find_plaintext(tmp_path) == []

    (tmp_path / "outside").write_bytes(begins + ciphertext(500))
    assert [finding.signature for finding in find_plaintext(tmp_path)] == [signature]


def test_ciphertext_and_an_ordinary_database_hold_nothing(tmp_path):
    random = np.random.default_rng(7)
    (tmp_path / "large").write_bytes(random.bytes(50_000_000))
    for number in range(500):
        (tmp_path / f"small-{number}").write_bytes(random.bytes(64))
    (tmp_path / "empty").touch()
    database = sqlite3.connect(tmp_path / "db.sqlite3")
    database.execute("CREATE TABLE jobs (kind TEXT, state TEXT, message TEXT)")
    database.execute("INSERT INTO jobs VALUES ('render', 'failed', 'This file named film.mp4 is no MP4, WebM or PNG.')")
    database.commit()
    database.close()

    assert find_plaintext(tmp_path) == []


def test_a_folder_that_is_not_there_is_no_clean_folder(tmp_path):
    with pytest.raises(NotADirectoryError):
        find_plaintext(Path(tmp_path / "absent"))
