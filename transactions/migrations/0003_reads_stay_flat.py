"""Indexes for the filters of the log that would have to walk through it: a terminal's, what was refused, rare kinds."""

from django.db import migrations, models

from transactions.migrations._while_serving import AddIndexWhileServing


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("transactions", "0002_append_only")]
    operations = [
        AddIndexWhileServing(
            model_name="transaction",
            index=models.Index(fields=["terminal", "sequence"], name="log_by_terminal"),
        ),
        AddIndexWhileServing(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("status", "approved"), _negated=True),
                fields=["merchant", "status", "sequence"],
                name="log_of_refusals",
            ),
        ),
        AddIndexWhileServing(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("kind", "purchase"), _negated=True),
                fields=["merchant", "kind", "sequence"],
                name="log_of_other_kinds",
            ),
        ),
        AddIndexWhileServing(
            model_name="hourtotal",
            index=models.Index(fields=["merchant", "kind", "business_date"], name="totals_by_kind"),
        ),
    ]
