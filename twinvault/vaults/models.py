"""A vault, who may enter it, whose face it keeps, and on what consent."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Concat
from django.utils import timezone

from twinvault.custody.models import Archive, Keyring, StoredObject
from twinvault.custody.words import open_words, seal_words
from twinvault.vaults import ages


class Vault(models.Model):
    """The safe box of one family for one of its members."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    keyring = models.OneToOneField(Keyring, on_delete=models.PROTECT)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="vaults")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    @property
    def archive(self) -> Archive | None:
        """What its sources are sealed to; None until the owner sets a secondary password."""
        return getattr(self.keyring, "archive", None)

    @property
    def is_locked(self) -> bool:
        """Whether its sources are sealed, and not unsealed for the moment: nothing can be looked at or learned."""
        return self.archive is not None and self.archive.is_locked


class Role(models.IntegerChoices):
    """What a member may do; a higher role may do all that a lower one may."""

    VIEWER = 1, "viewer"
    CONTRIBUTOR = 2, "contributor"
    OWNER = 3, "owner"


class Membership(models.Model):
    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["vault", "user"], name="one_membership_a_vault")]
        ordering = ["-role", "created_at"]

    def __str__(self) -> str:
        return f"{self.user} is {self.get_role_display()} of {self.vault}"


class Invitations(models.QuerySet):
    def open(self) -> "Invitations":
        """Those that still let somebody in."""
        return self.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """What lets one person, known by an e-mail address, become a member once. Its secret is kept by who has the link alone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    secret_digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the secret in its link")
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = Invitations.as_manager()

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"{self.email} is invited to {self.vault} as {self.get_role_display()}"


class Subject(models.Model):
    """The person whose face a vault keeps.

    `reference` holds, encrypted, the embeddings of the faces that a person confirmed, float32 (N, 128).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault = models.OneToOneField(Vault, on_delete=models.CASCADE, related_name="subject")
    name = models.CharField(max_length=120)
    born = models.PositiveSmallIntegerField("year of birth", null=True, blank=True)
    died = models.PositiveSmallIntegerField("year of death", null=True, blank=True)
    born_on = models.DateField("day of birth", null=True, blank=True, help_text="lies in the year of birth")
    died_on = models.DateField("day of death", null=True, blank=True, help_text="lies in the year of death")
    reference = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return self.name


class LifeStage(models.Model):
    """A stretch of the subject's life, bounded by ages or by years, both included; each has its own twins."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="life_stages")
    name = models.CharField(max_length=60)
    from_year = models.PositiveSmallIntegerField(null=True, blank=True)
    to_year = models.PositiveSmallIntegerField(null=True, blank=True)
    from_age = models.PositiveSmallIntegerField(null=True, blank=True)
    to_age = models.PositiveSmallIntegerField(null=True, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["subject", "name"], name="one_life_stage_a_name"),
            models.CheckConstraint(
                condition=models.Q(from_age=None, to_age=None) | models.Q(from_year=None, to_year=None),
                name="bounds_in_ages_or_in_years",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def bounds(self) -> str:
        """`13–24 years old`, `from 60 years on`, `1965–1979`; empty where it has none."""
        if self.from_age is not None or self.to_age is not None:
            return _bounds(self.from_age, self.to_age, "{}–{} years old", "from {} years on", "up to {} years old")
        return _bounds(self.from_year, self.to_year, "{}–{}", "{}–", "–{}")


def _bounds(first: int | None, last: int | None, both: str, only_first: str, only_last: str) -> str:
    if first is None and last is None:
        return ""
    if last is None:
        return only_first.format(first)
    return only_last.format(last) if first is None else both.format(first, last)


FILM_KINDS = ("memorial", "greeting", "storybook", "re-enactment")
"""What kinds of film there are, and a consent can name."""


class Consents(models.QuerySet):
    def not_withdrawn(self) -> "Consents":
        return self.filter(withdrawn_at=None)

    def in_force(self) -> "Consents":
        """Neither withdrawn nor lapsed, allowed by the board where it decides, and recorded where a living person speaks.

        It lapses when the day that it names is over, and when a child for whom guardians spoke is of age.

        Where only the year of birth is known, the year in which somebody may come of age counts. Who died young stays a child.
        """
        today = timezone.localdate()
        born = models.Q(subject__born_on__lte=ages.years_before(today, ages.OF_AGE))
        born |= models.Q(subject__born_on=None, subject__born__lte=today.year - ages.OF_AGE)
        of_age = born & models.Q(basis=Consent.Basis.GUARDIAN, subject__died=None)
        return self.not_withdrawn().exclude(until__lt=today).exclude(of_age).exclude(self._waits())

    def waiting(self) -> "Consents":
        """Those on which the board has not decided yet, and those of living people that are not recorded yet."""
        return self.not_withdrawn().filter(self._waits())

    def _waits(self) -> models.Q:
        for_board = models.Q(basis__in=Consent.BOARD_DECIDES, allowed_at=None)
        return for_board | models.Q(basis=Consent.Basis.LIVING, recording=None)

    def resting(self) -> "Consents":
        """Neither withdrawn nor in force: lapsed, or waiting."""
        return self.not_withdrawn().exclude(id__in=self.in_force().values("id"))

    def covering(self, *, life_stage=None, kind=None, role: Role | None = None) -> "Consents":
        """Those whose scope holds a stage of life, a kind of film, and a reader's role; None is not asked for.

        `life_stage` and `kind` may be values or expressions of an outer query.
        """
        rows = self
        if life_stage is not None:
            naming = Consent.life_stages.through.objects.filter(consent=models.OuterRef("id"))
            rows = rows.filter(~models.Exists(naming) | models.Exists(naming.filter(lifestage=_outer(life_stage))))
        if kind is not None:
            rows = rows.filter(models.Q(kinds="") | models.Q(kinds__contains=Concat(models.Value(" "), kind, models.Value(" "))))
        return rows if role is None else rows.filter(watched_by__lte=role)


def _outer(value):
    """One level further out, for an expression that is used within a subquery of a subquery."""
    return models.OuterRef(value) if isinstance(value, models.OuterRef) else value


class Consent(models.Model):
    """What allows the subject's face to be processed; never edited. Whether it is in force still, `Consents.in_force` tells.

    What was said is kept encrypted: `Consent.objects.create(subject=..., statement="...")` and `consent.statement` are in words.
    """

    class Basis(models.TextChoices):
        LIVING = "living", "the subject consents, in their own words"
        GUARDIAN = "guardian", "a guardian consents for a child"
        EXECUTOR = "executor", "the executor attests for a deceased subject"
        PUBLIC = "public", "a rights statement, for a public figure"

    # nobody asks the person: the board looks at a document instead
    BOARD_DECIDES = Basis.EXECUTOR, Basis.PUBLIC

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="consents")
    basis = models.CharField(max_length=10, choices=Basis.choices)
    given_by = models.CharField("given by", max_length=120)
    sealed_statement = models.BinaryField(help_text="what was said, encrypted")
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)
    until = models.DateField(null=True, blank=True, help_text="its last day; empty: until it is withdrawn")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    document = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    allowed_at = models.DateTimeField(null=True, blank=True, help_text="by the board, where it decides")
    recording = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    phrase = models.CharField(max_length=60, blank=True, help_text="of the day, as it was to be said in the recording")
    life_stages = models.ManyToManyField(LifeStage, related_name="consents", help_text="that it is limited to; none: all")
    kinds = models.CharField(max_length=80, blank=True, help_text="of film, of FILM_KINDS, with blanks around each; empty: all")
    watched_by = models.PositiveSmallIntegerField(
        choices=Role.choices, default=Role.VIEWER, help_text="the lowest role that may watch what is made"
    )

    objects = Consents.as_manager()

    class Meta:
        ordering = ["-recorded_at"]

    def __str__(self) -> str:
        return f"{self.get_basis_display()}: {self.given_by}"

    @property
    def scope(self) -> str:
        """In words; empty if it is for everything and every member."""
        limits = [stage.name for stage in self.life_stages.all()], self.kinds.split()
        said = [" and ".join(limit) for limit in limits if limit]
        if self.watched_by > Role.VIEWER:
            said.append("watched by " + ("owners" if self.watched_by == Role.OWNER else "contributors and owners") + " alone")
        return "; ".join(said)

    @property
    def waits_for(self) -> str:
        """`board`, or `voice`: the recording of a living person; empty if it waits for neither."""
        if self.withdrawn_at is not None:
            return ""
        if self.basis in self.BOARD_DECIDES:
            return "" if self.allowed_at else "board"
        return "voice" if self.basis == self.Basis.LIVING and self.recording_id is None else ""

    @property
    def is_over(self) -> bool:
        """Whether the day until which it was given has passed."""
        return self.until is not None and self.until < timezone.localdate()

    @property
    def statement(self) -> str:
        return open_words(self.subject.vault.keyring, self.sealed_statement, f"statement of consent {self.id}")

    @statement.setter
    def statement(self, words: str) -> None:
        self.sealed_statement = seal_words(self.subject.vault.keyring, words, f"statement of consent {self.id}")


class ConsentReview(models.Model):
    """One board member's word on one consent; said once. The comment is kept encrypted, as a consent's statement is."""

    class Decision(models.TextChoices):
        APPROVE = "approve", "allowed"
        REJECT = "reject", "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    consent = models.ForeignKey(Consent, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=10, choices=Decision.choices)
    sealed_comment = models.BinaryField(help_text="why, encrypted")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["consent", "reviewer"], name="one_word_a_member_on_a_consent")]

    def __str__(self) -> str:
        return f"{self.reviewer} {self.decision} {self.consent_id}"

    @property
    def comment(self) -> str:
        return open_words(self.consent.subject.vault.keyring, self.sealed_comment, f"comment on consent {self.id}")

    @comment.setter
    def comment(self, words: str) -> None:
        self.sealed_comment = seal_words(self.consent.subject.vault.keyring, words, f"comment on consent {self.id}")
