"""Who sees a job, and who may stop and retry it. Jobs of no vault (a template's) belong to the editorial board."""

from uuid import UUID

from django.http import Http404

from twinvault.accounts.access import require_board
from twinvault.jobs.models import Job
from twinvault.vaults.access import require_role, role_in
from twinvault.vaults.models import Role

STEERS = Role.CONTRIBUTOR


def job_for(user, job_id: UUID, least: Role = Role.VIEWER) -> Job:
    """The job, with `.vault.role` set to the person's role, if they have at least the role `least` in its vault; else 404."""
    job = Job.objects.select_related("vault").filter(id=job_id).first()
    if job is None:
        raise Http404
    if job.vault is None:
        require_board(user)
    else:
        job.vault.role = require_role(user, job.vault_id, least)
    return job


def may_steer(user, job: Job, role: Role | None = None) -> bool:
    """Whether the person may stop and retry a job that they see. Asks the database unless their `role` in its vault is given."""
    if job.vault_id is None:
        return user.is_authenticated and user.is_board_member
    role = role or role_in(user, job.vault_id)
    return role is not None and role >= STEERS
