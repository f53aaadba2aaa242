"""Signed provenance of a film: a C2PA manifest that says it is synthetic, inside the MP4 itself.

Everything runs on bytes in memory and offline: no temporary file, no time-stamping service, no OCSP, no remote
manifest. The functions build every library object anew, so they may be called from threads and forked workers.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

State = Literal["valid", "trusted", "invalid", "none"]

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
FILM_SOURCE_TYPE = SOURCE_TYPES + "compositeWithTrainedAlgorithmicMedia"
SWAP_SOURCE_TYPE = SOURCE_TYPES + "trainedAlgorithmicMedia"
FILM_ASSERTION = "org.twinvault.film"

# The only facts a manifest may carry: whoever holds the film can read them, so none may name a person.
CLAIM_KEYS = ("order_id", "twin_version", "template_revision", "scene_revision")

# UUID of the C2PA box in ISO media files (C2PA specification, "Embedding manifests into BMFF-based assets").
C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")

# Without a time stamp a signature lives only as long as its certificate, and a family keeps its films.
VALIDITY = timedelta(days=365 * 40)

_SETTINGS: dict[str, Any] = {
    "verify": {
        "verify_after_sign": True,
        "verify_trust": True,
        "remote_manifest_fetch": False,
        "ocsp_fetch": False,
    },
    "builder": {"thumbnail": {"enabled": False}},
    # Above this size the library would hold the film in an unencrypted temporary file: never.
    "core": {"backing_store_memory_threshold_in_mb": 1024 * 1024},
}

_REASONS = {
    "assertion.bmffHash.mismatch": "The film was changed after it was signed.",
    "assertion.hashedURI.mismatch": "What the manifest says was changed after it was signed.",
    "assertion.dataHash.mismatch": "The film was changed after it was signed.",
    "claimSignature.mismatch": "The signature does not fit what it signs.",
    "claimSignature.outsideValidity": "It was signed outside the validity of the signer's certificate.",
    "signingCredential.untrusted": "The signer is not among the authorities trusted here.",
    "signingCredential.expired": "The signer's certificate had expired.",
    "signingCredential.invalid": "The signer's certificate may not sign films.",
}
_UNREADABLE = "The file bears a manifest but is damaged or cut short."
_NO_MANIFEST = "The file bears no signed statement of where it comes from."


class ProvenanceError(ValueError):
    """A film that cannot be signed. The message is one sentence for the person."""


@dataclass(frozen=True)
class Authority:
    """Who signs: PEM bytes of the signer's certificate chain, of its private key (a secret), and of the root."""

    chain: bytes
    key: bytes = field(repr=False)
    root: bytes


@dataclass(frozen=True)
class Provenance:
    """What a file says of itself.

    state    `trusted`: unchanged since it was signed, by a signer under one of the given roots.
             `valid`: unchanged since it was signed, but anybody may have signed it.
             `invalid`: changed, cut short or damaged. `none`: no manifest.
    reasons  sentences; empty when trusted.
    manifest summary: title, source_type (IPTC URL), synthetic (bool), time (ISO 8601, the signer's own clock),
             issuer, actions (names), and those of CLAIM_KEYS that were given. Empty when nothing
             could be read; of an `invalid` file it is only a claim.
    """

    state: State
    reasons: list[str]
    manifest: dict[str, Any]


def make_authority(name: str) -> Authority:
    """A new root and, under it, one signing certificate (P-256) for films; `name` is shown as the organisation.

    The root's private key is thrown away: it signs one certificate and nothing after. Raises ProvenanceError when
    the name is empty or longer than the 64 characters that X.509 allows.
    """
    if not 0 < len(name.strip()) <= 64:
        raise ProvenanceError("The name of a signing authority must have 1 to 64 characters.")
    start = datetime.now(UTC) - timedelta(minutes=10)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, leaf_name = _name(name, "root"), _name(name, "films")
    root = (
        _certificate(root_name, root_name, root_key, start)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _certificate(leaf_name, root_name, key, start)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return Authority(
        chain=leaf.public_bytes(Encoding.PEM),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        root=root.public_bytes(Encoding.PEM),
    )


_SWAPPED = "Face replaced by one that a trained model made (face swap), with consent on record"
_DRAWN = "Person drawn by a trained model without any film of the moment, with consent on record"


def sign(film: bytes, authority: Authority, *, title: str, claims: Mapping[str, str], drawn: bool = False) -> bytes:
    """The MP4 `film` with a signed C2PA manifest in it.

    `claims` holds of CLAIM_KEYS (short strings, no person's name) all or some; `title` must not name anybody either,
    since everyone who gets the film can read it. drawn: the person was drawn without a film to put the face into.
    Raises ProvenanceError for other claims, a file that is no MP4, or an authority whose key does not fit.
    """
    unknown = sorted(set(claims) - set(CLAIM_KEYS))
    if unknown:
        raise ProvenanceError(f"A manifest may not carry {', '.join(unknown)}; it may carry {', '.join(CLAIM_KEYS)}.")
    if not _is_whole_mp4(film):
        raise ProvenanceError("The film could not be signed: it is not a whole MP4 file.")
    definition = _definition(title, {key: str(value) for key, value in claims.items()}, drawn)
    signed = io.BytesIO()
    try:
        info = c2pa.C2paSignerInfo(b"es256", authority.chain, authority.key, None)
        with c2pa.Signer.from_info(info) as signer, c2pa.Context.from_dict(_SETTINGS) as context:
            with c2pa.Builder(definition, context) as builder:
                builder.sign(signer, "video/mp4", io.BytesIO(film), signed)
    except c2pa.C2paError as error:
        raise ProvenanceError(f"The film could not be signed, check the signing authority: {error}.") from error
    return signed.getvalue()


def verify(film: bytes, roots: list[bytes]) -> Provenance:
    """What `film` (bytes of any file) says of where it comes from; `roots` are PEM certificates trusted here.

    Never raises for a bad file. A box of type `ftyp`, `free`, `skip` or `mfra` lies outside the signature by the
    C2PA rules: what people see and hear (`mdat`) and how it is laid out (`moov`) lies inside.
    """
    settings = dict(_SETTINGS)
    if roots:
        settings["trust"] = {"user_anchors": b"\n".join(roots).decode("ascii")}
    with c2pa.Context.from_dict(settings) as context:
        try:
            with c2pa.Reader("video/mp4", io.BytesIO(film), context=context) as reader:
                report = json.loads(reader.json())
        except c2pa.C2paError.ManifestNotFound:
            return Provenance("none", [_NO_MANIFEST], {})
        except c2pa.C2paError:
            # A file that cannot be parsed is a damaged film only if a manifest was once in it.
            if C2PA_BOX in film:
                return Provenance("invalid", [_UNREADABLE], {})
            return Provenance("none", [_NO_MANIFEST], {})
    states: dict[str, State] = {"Trusted": "trusted", "Valid": "valid"}
    state = states.get(report.get("validation_state", ""), "invalid")
    reasons = [
        _REASONS.get(failure["code"], failure.get("explanation") or failure["code"])
        for failure in report.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    ]
    if state == "invalid" and not reasons:
        reasons = [_UNREADABLE]
    return Provenance(state, list(dict.fromkeys(reasons)), _summary(report))


def _is_whole_mp4(film: bytes) -> bool:
    """Whether the top-level boxes fill the file exactly, begin with `ftyp` and hold `moov` and `mdat`."""
    kinds, position = [], 0
    while position + 8 <= len(film):
        size = int.from_bytes(film[position : position + 4], "big")
        if size == 1:
            size = int.from_bytes(film[position + 8 : position + 16], "big")
        elif size == 0:
            size = len(film) - position
        if size < 8:
            return False
        kinds.append(film[position + 4 : position + 8])
        position += size
    return position == len(film) and kinds[:1] == [b"ftyp"] and {b"moov", b"mdat"} <= set(kinds)


def _definition(title: str, claims: dict[str, str], drawn: bool) -> dict[str, Any]:
    agent = {"name": "TwinVault"}
    actions = [
        {
            "action": "c2pa.created",
            "when": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "softwareAgent": agent,
            "digitalSourceType": SWAP_SOURCE_TYPE if drawn else FILM_SOURCE_TYPE,
        },
        {
            "action": "c2pa.edited",
            "softwareAgent": agent,
            "digitalSourceType": SWAP_SOURCE_TYPE,
            "description": _DRAWN if drawn else _SWAPPED,
        },
        {
            "action": "c2pa.addedText",
            "softwareAgent": agent,
            "description": "Visible mark added to every frame: this film is synthetic",
        },
    ]
    return {
        "claim_generator_info": [agent],
        "title": title,
        "format": "video/mp4",
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": FILM_ASSERTION, "data": claims},
        ],
    }


def _summary(report: dict[str, Any]) -> dict[str, Any]:
    manifest = report.get("manifests", {}).get(report.get("active_manifest"), {})
    if not manifest:
        return {}
    assertions = {entry["label"]: entry.get("data") for entry in manifest.get("assertions", [])}
    stated = assertions.get("c2pa.actions.v2") or assertions.get("c2pa.actions") or {}
    actions = stated.get("actions", [])
    created: dict[str, Any] = next((action for action in actions if action.get("action") == "c2pa.created"), {})
    source_type = created.get("digitalSourceType", "")
    film = assertions.get(FILM_ASSERTION) or {}
    return {
        "title": manifest.get("title", ""),
        "source_type": source_type,
        "synthetic": source_type in (FILM_SOURCE_TYPE, SWAP_SOURCE_TYPE),
        "time": created.get("when", ""),
        "issuer": manifest.get("signature_info", {}).get("issuer", ""),
        "actions": [action.get("action", "") for action in actions],
        **{key: str(film[key]) for key in CLAIM_KEYS if key in film},
    }


def _name(organisation: str, purpose: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, f"TwinVault {purpose}"),
        ]
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, start: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALIDITY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
