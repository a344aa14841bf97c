"""The sentences of the dashboard's script, in the reader's language, for a json_script element."""

from django.utils.translation import gettext as _

from transactions import wording


def dashboard_messages() -> dict[str, str]:
    """Key → sentence. `{name}` marks what the script fills in."""
    return {
        "connection.connecting": _("Connecting …"),
        "connection.live": _("Live"),
        "connection.reconnecting": _("Reconnecting … data of {time}"),
        "connection.offline": _("Offline · data of {time}"),
        "connection.signed_out": _("Signed out · data of {time}"),
        "feed.fee": _("Fee {fee}"),
        "feed.announce": _("{kind} {amount}, {status}"),
        "feed.announce_many": _("{count} new transactions"),
        "chart.tooltip": _("{from}–{to}"),
        "chart.sales": _("{count} sales"),
        "chart.sale": _("{count} sale"),
        "terminals.sales": _("{count} sales"),
        "terminals.sale": _("{count} sale"),
        **{f"kind.{kind}": str(name) for kind, name in wording.KIND_NAMES.items()},
        **{f"status.{status}": str(name) for status, name in wording.STATUS_NAMES.items()},
        **{f"reason.{reason}": str(name) for reason, name in wording.REASON_NAMES.items()},
        **{f"state.{state}": str(name) for state, name in wording.TERMINAL_STATE_NAMES.items()},
    }
