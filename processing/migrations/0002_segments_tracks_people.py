"""Footage is looked at in segments; faces belong to tracks; a person is a cluster of tracks of the whole vault."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("processing", "0001_initial"),
        ("acquisition", "0001_initial"),
        ("custody", "0001_initial"),
        ("vaults", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Segment",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                ("starts", models.FloatField(help_text="seconds into the footage")),
                ("ends", models.FloatField(help_text="seconds; empty for the end of the footage", null=True)),
                ("frames_seen", models.PositiveIntegerField(default=0)),
                ("reached", models.FloatField(default=0.0, help_text="seconds into the footage up to which it could be read")),
                (
                    "places",
                    models.JSONField(
                        help_text="[offset, length, mask length] of every crop, until its faces have rows", null=True
                    ),
                ),
                ("looked_at", models.DateTimeField(null=True)),
                ("taken_by", models.UUIDField(help_text="the job that looks at it just now", null=True)),
                ("taken_until", models.DateTimeField(null=True)),
                (
                    "analysis",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="segments",
                        to="processing.analysis",
                    ),
                ),
                (
                    "descriptors",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="custody.storedobject"
                    ),
                ),
                (
                    "footage",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="segments", to="acquisition.footage"
                    ),
                ),
                (
                    "pack",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="custody.storedobject"
                    ),
                ),
            ],
            options={"ordering": ["number"]},
        ),
        migrations.CreateModel(
            name="Track",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField(help_text="as in the descriptor table")),
                ("shot", models.PositiveIntegerField(default=0)),
                ("starts", models.FloatField(help_text="seconds into the footage")),
                ("ends", models.FloatField()),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tracks", to="processing.person"
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tracks", to="processing.segment"
                    ),
                ),
            ],
            options={"ordering": ["segment_id", "number"]},
        ),
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                ("deed", models.CharField(help_text="in words, for the button that takes it back", max_length=100)),
                ("before", models.JSONField()),
                ("undone_at", models.DateTimeField(null=True)),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "vault",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="face_changes", to="vaults.vault"
                    ),
                ),
            ],
            options={"ordering": ["-made_at", "-id"]},
        ),
        migrations.AddField(
            "person",
            "vault",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="people", to="vaults.vault"
            ),
        ),
        migrations.AddField(
            "person",
            "erase_at",
            models.DateTimeField(
                help_text="someone else: when the pictures go, unless that is taken back before", null=True
            ),
        ),
        migrations.AddField("person", "erased_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "face",
            "track",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="faces", to="processing.track"
            ),
        ),
        migrations.AddField(
            "face",
            "mask_length",
            models.PositiveIntegerField(default=0, help_text="bytes of the mask that follows the crop"),
        ),
        migrations.AddField(
            "face",
            "by_hand",
            models.BooleanField(default=False, help_text="a person decided, and no threshold decides otherwise"),
        ),
    ]
