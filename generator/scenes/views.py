"""Pages of scenes for the members of a vault: list, form, one scene with its clips. The board's pages are in `board`."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from generator.scenes import access, queries, services
from generator.scenes.configuration import ConfigurationError
from generator.scenes.forms import SceneForm, initial_of
from generator.scenes.models import Clip, Scene
from generator.scenes.schema import schema
from twinvault.accounts.access import signed_in
from twinvault.custody import objects
from twinvault.jobs.queries import latest_job
from twinvault.vaults.access import vault_for
from twinvault.vaults.models import Role
from twinvault.vaults.services import NotAllowed
from twinvault.web.ranges import ranged_response


@signed_in
@require_GET
def scenes(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """All scenes of a vault."""
    vault = vault_for(request.user, vault_id)
    context = {"vault": vault, "scenes": queries.scenes_of(vault), "may_ask": vault.role >= Role.CONTRIBUTOR}
    return render(request, "scenes/scenes.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def new_scene(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """The form that asks the board for a scene."""
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR)
    form = SceneForm(vault, *_sent(request))
    return _asked(request, vault, form, lambda **said: services.submit_scene(vault, **said))


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def revise_scene(request: HttpRequest, scene_id: UUID) -> HttpResponse:
    """The same form, filled with the last revision: what is sent is a new one."""
    scene = access.scene_for(request.user, scene_id, Role.CONTRIBUTOR)
    latest = scene.revisions.select_related("configuration__keyring").first()
    initial = initial_of(queries.read_configuration(latest)) | {"twin": latest.twin_id}
    form = SceneForm(scene.vault, *_sent(request), initial=initial, has_picture=latest.background_id is not None)
    return _asked(request, scene.vault, form, lambda **said: services.revise_scene(scene, **said).scene, scene)


def _sent(request: HttpRequest) -> tuple:
    return (request.POST, request.FILES) if request.method == "POST" else ()


def _asked(request: HttpRequest, vault, form: SceneForm, submit, scene: Scene | None = None) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            made = submit(
                twin=form.cleaned_data["twin"], configuration=form.configuration, background=form.background, by=request.user
            )
        except ConfigurationError as error:
            form.refuse(error)
        except NotAllowed as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The scene waits for the board: two of its members must approve it.")
            return redirect("scene", made.id)
    context = {"vault": vault, "form": form, "scene": scene, "twins": queries.reaches_of(vault)}
    return render(request, "scenes/ask.html", context, status=400 if form.is_bound and form.errors else 200)


@signed_in
@require_GET
def scene_schema(request: HttpRequest) -> JsonResponse:
    """The JSON Schema of a configuration."""
    return JsonResponse(schema(), json_dumps_params={"indent": 2}, content_type="application/schema+json")


@signed_in
@require_safe
def scene(request: HttpRequest, scene_id: UUID) -> HttpResponse:
    """One scene: what was asked for, what the board said, and the clips that came of it."""
    shown = access.scene_for(request.user, scene_id)
    revisions = queries.revisions_of(shown)
    for revision in revisions:
        revision.may_make = revision.standing.word == "approved" and not any(c.state == "ordered" for c in revision.clips.all())
        for clip in revision.clips.all():
            clip.why_not_watch = access.why_not_watch(clip, shown.vault.role) if clip.state == Clip.State.READY else ""
            clip.measured = queries.measures_of(clip)
            clip.job = latest_job(clip.id, services.RENDER) if clip.state == Clip.State.ORDERED else None
    context = {
        "vault": shown.vault,
        "scene": shown,
        "revisions": revisions,
        "may_ask": shown.vault.role >= Role.CONTRIBUTOR and not shown.withdrawn_at,
        "may_revoke": shown.vault.role >= Role.OWNER,
        "may_withdraw": shown.submitted_by_id == request.user.pk and not shown.withdrawn_at,
        "is_open": any(clip.job and clip.job.is_open for revision in revisions for clip in revision.clips.all()),
    }
    return render(request, "scenes/scene.html", context)


@signed_in
@require_GET
def scene_background(request: HttpRequest, revision_id: UUID) -> HttpResponse:
    """The picture behind a scene: a JPEG of our own making."""
    stored = access.background_for(request.user, revision_id).background
    return HttpResponse(objects.read(stored), content_type="image/jpeg", headers={"X-Content-Type-Options": "nosniff"})


@signed_in
@require_POST
def make_clip(request: HttpRequest, revision_id: UUID) -> HttpResponse:
    revision = access.revision_for(request.user, revision_id, Role.CONTRIBUTOR)
    try:
        services.make_clip(revision, by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
    return redirect("scene", revision.scene_id)


@signed_in
@require_POST
def withdraw_scene(request: HttpRequest, scene_id: UUID) -> HttpResponse:
    """Who submitted a scene takes it back."""
    shown = access.scene_for(request.user, scene_id)
    try:
        services.withdraw_scene(shown, request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The scene is withdrawn: no clip can be made of it any more.")
    return redirect("scene", shown.id)


@signed_in
@require_safe
def clip_content(request: HttpRequest, clip_id: UUID) -> HttpResponse:
    """The clip itself, by Range. `?download=1` saves it."""
    clip = access.clip_for(request.user, clip_id)
    if clip.content is None or access.why_not_watch(clip, clip.vault.role):
        raise Http404
    name = f"twinvault-scene-{clip.revision.scene.number}-{clip.ordered_at:%Y-%m-%d}.mp4"
    return ranged_response(
        request,
        objects.open_object(clip.content),
        clip.content.size,
        clip.content.content_type,
        filename=name,
        download="download" in request.GET,
    )


@signed_in
@require_GET
def clip_measures(request: HttpRequest, clip_id: UUID) -> JsonResponse:
    """What was measured on a clip, for whoever may see it."""
    clip = access.clip_for(request.user, clip_id)
    return JsonResponse({"state": clip.state, "clip": clip.measures, "twin": clip.revision.twin.measures})


@signed_in
@require_POST
def revoke_clip(request: HttpRequest, clip_id: UUID) -> HttpResponse:
    clip = access.clip_for(request.user, clip_id, Role.OWNER)
    services.revoke_clip(clip, by=request.user)
    messages.success(request, "The clip is revoked and erased.")
    return redirect("scene", clip.revision.scene_id)
