"""The tus endpoint: files of any size come in here, and go on after any break."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from acquisition.access import upload_for
from acquisition.uploads import services
from acquisition.uploads.errors import BadRequest
from acquisition.uploads.protocol import BODY_TYPE, body_of, describe, metadata, sentence, tus, whole_number
from twinvault.vaults.access import vault_for
from twinvault.vaults.models import LifeStage, Role, Vault

BY_DATE = "by-date"


@tus
def uploads(request: HttpRequest) -> HttpResponse:
    """POST announces a file."""
    if request.method != "POST":
        return _wrong_method("OPTIONS, POST")
    length = whole_number(request, "Upload-Length")
    said = metadata(request)
    vault = vault_for(request.user, _id(said, "vault"), Role.CONTRIBUTOR)
    upload = services.begin_upload(
        vault,
        _life_stage(vault, said),
        said.get("filename", ""),
        length,
        by=request.user,
        folder=said.get("folder", ""),
        batch=_id(said, "batch") if said.get("batch") else None,
    )
    return HttpResponse(status=201, headers=describe(upload) | {"Location": reverse("upload_part", args=[upload.id])})


@tus
def upload_part(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    """HEAD says how far the file has come, PATCH brings more of it, DELETE gives it up."""
    upload = upload_for(request.user, upload_id)
    if request.method == "HEAD":
        return HttpResponse(status=200, headers=describe(services.standing(upload)))
    if request.method == "PATCH":
        return _patch(request, upload)
    if request.method == "DELETE":
        services.discard(upload)
        return HttpResponse(status=204)
    return _wrong_method("OPTIONS, HEAD, PATCH, DELETE")


def _patch(request: HttpRequest, upload) -> HttpResponse:
    if request.content_type != BODY_TYPE:
        return sentence(415, f"A part of a file must come as {BODY_TYPE}.")
    if "Content-Length" not in request.headers:
        return sentence(411, "A part of a file must say how long it is.")
    announced = whole_number(request, "Content-Length")
    upload = services.receive(upload, whole_number(request, "Upload-Offset"), announced, body_of(request))
    return HttpResponse(status=204, headers=describe(upload))


def _wrong_method(allowed: str) -> HttpResponse:
    answer = sentence(405, f"This address understands {allowed}.")
    answer["Allow"] = allowed
    return answer


def _id(said: dict[str, str], key: str) -> UUID:
    try:
        return UUID(said[key])
    except (KeyError, ValueError) as error:
        raise BadRequest(f"The upload must say its {key.replace('_', ' ')}.") from error


def _life_stage(vault: Vault, said: dict[str, str]) -> LifeStage | None:
    if said.get("life_stage") == BY_DATE:
        return None
    stage = vault.subject.life_stages.filter(id=_id(said, "life_stage")).first()
    if stage is None:
        raise Http404
    return stage
