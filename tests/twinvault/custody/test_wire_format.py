"""The encrypted stream is readable without this project: another implementation reads what we write, and the other way round."""

import io
import random

import pytest

from twinvault.custody.stream import FIRST_PLAIN, NEXT_PLAIN, SEGMENT, DecryptingReader, SegmentWriter

tink = pytest.importorskip("tink", reason="the reference implementation, tink, is not installed")
from tink import cleartext_keyset_handle, streaming_aead  # noqa: E402
from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2, tink_pb2  # noqa: E402

KEY, NAME = bytes(range(32)), b"object 1"
LENGTHS = [0, 1, FIRST_PLAIN - 1, FIRST_PLAIN, FIRST_PLAIN + 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, FIRST_PLAIN + NEXT_PLAIN + 1]


@pytest.fixture(scope="module")
def theirs():
    """Tink's primitive with our key."""
    streaming_aead.register()
    key = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(key_value=KEY)
    key.params.ciphertext_segment_size = SEGMENT
    key.params.derived_key_size = 32
    key.params.hkdf_hash_type = common_pb2.SHA256
    keyset = tink_pb2.Keyset(primary_key_id=1)
    entry = keyset.key.add(key_id=1, status=tink_pb2.ENABLED, output_prefix_type=tink_pb2.RAW)
    entry.key_data.type_url = "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey"
    entry.key_data.value = key.SerializeToString()
    entry.key_data.key_material_type = tink_pb2.KeyData.SYMMETRIC
    handle = cleartext_keyset_handle.read(tink.BinaryKeysetReader(keyset.SerializeToString()))
    return handle.primitive(streaming_aead.StreamingAead)


class Kept(io.BytesIO):
    """Tink closes what it has written; the content is kept."""

    def close(self) -> None:
        self.content = self.getvalue()
        super().close()


@pytest.mark.parametrize("length", LENGTHS)
def test_tink_reads_what_we_write(theirs, length):
    plain, raw = random.Random(length).randbytes(length), io.BytesIO()
    writer = SegmentWriter(raw, KEY, NAME)
    writer.write(plain)
    writer.finish()

    with theirs.new_decrypting_stream(io.BytesIO(raw.getvalue()), NAME) as stream:
        assert stream.read() == plain


@pytest.mark.parametrize("length", LENGTHS)
def test_we_read_what_tink_writes(theirs, length):
    plain, raw = random.Random(length).randbytes(length), Kept()
    with theirs.new_encrypting_stream(raw, NAME) as stream:
        stream.write(plain)

    assert DecryptingReader(io.BytesIO(raw.content), KEY, NAME).read() == plain
