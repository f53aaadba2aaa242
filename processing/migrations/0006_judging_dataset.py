"""Bounds that a family moves, and what a life stage's faces amount to."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("processing", "0004_faces_by_track"),
        ("custody", "0002_sealing"),
        ("vaults", "0002_sealed_statement"),
    ]

    operations = [
        migrations.CreateModel(
            name="Judging",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "thresholds",
                    models.JSONField(default=dict, help_text="bounds of engine.filtering.Thresholds that were moved"),
                ),
                (
                    "vault",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="judging", to="vaults.vault"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Dataset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "counted",
                    models.CharField(
                        help_text="which faces were counted: their number and the sum of their ids", max_length=60
                    ),
                ),
                (
                    "corrections",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="custody.storedobject",
                    ),
                ),
                (
                    "count",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="custody.storedobject",
                    ),
                ),
                (
                    "life_stage",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="dataset", to="vaults.lifestage"
                    ),
                ),
            ],
        ),
    ]
