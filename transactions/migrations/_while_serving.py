"""An index operation that lets the site go on selling: PostgreSQL builds the index beside the table's writers."""

from django.db.migrations.operations import AddIndex


class AddIndexWhileServing(AddIndex):
    """`AddIndex`, CONCURRENTLY on PostgreSQL. The migration has to say `atomic = False`."""

    atomic = False

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            _do(schema_editor.add_index, schema_editor, model, self.index)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            _do(schema_editor.remove_index, schema_editor, model, self.index)


def _do(work, schema_editor, model, index):
    concurrently = {"concurrently": True} if schema_editor.connection.vendor == "postgresql" else {}
    work(model, index, **concurrently)
