"""What was said in a consent rests encrypted."""

from django.db import migrations, models

from twinvault.custody.words import open_words, seal_words


def seal(apps, _schema_editor):
    for consent in apps.get_model("vaults", "Consent").objects.select_related("subject__vault__keyring").iterator():
        words = seal_words(consent.subject.vault.keyring, consent.statement, f"statement of consent {consent.id}")
        type(consent).objects.filter(id=consent.id).update(sealed_statement=words)


def unseal(apps, _schema_editor):
    for consent in apps.get_model("vaults", "Consent").objects.select_related("subject__vault__keyring").iterator():
        words = open_words(consent.subject.vault.keyring, consent.sealed_statement, f"statement of consent {consent.id}")
        type(consent).objects.filter(id=consent.id).update(statement=words)


class Migration(migrations.Migration):
    dependencies = [("vaults", "0001_initial")]

    operations = [
        migrations.AddField(
            "consent", "sealed_statement", models.BinaryField(default=b"", help_text="what was said, encrypted"), preserve_default=False
        ),
        migrations.AlterField("consent", "statement", models.TextField(default="")),
        migrations.RunPython(seal, unseal),
        migrations.RemoveField("consent", "statement"),
    ]
