"""Let the database itself refuse to change the log, the transfers, or a counter downwards."""

from django.db import migrations

from transactions.migrations import _append_only


def install(apps, schema_editor):
    for statement in _append_only.statements(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    for statement in _append_only.removal(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("transactions", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
