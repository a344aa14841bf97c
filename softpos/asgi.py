"""Served by `daphne softpos.asgi:application`: HTTP by Django, sockets by Channels."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "softpos.settings")
http = get_asgi_application()  # loads the apps, which the imports below need

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from softpos.back_pressure import BackPressure  # noqa: E402
from softpos.operations import OperatorsDoor  # noqa: E402
from softpos.socket_sign_in import SocketSignIn  # noqa: E402
from softpos.stopping import stop_in_order  # noqa: E402
from softpos.tuning import tune  # noqa: E402
from transactions.consumers import TerminalConsumer  # noqa: E402
from transactions.dashboard_consumer import DashboardConsumer  # noqa: E402

sockets = URLRouter(
    [
        path("ws/terminal/", TerminalConsumer.as_asgi()),
        path("ws/dashboard/", DashboardConsumer.as_asgi()),
    ]
)
application = BackPressure(OperatorsDoor(ProtocolTypeRouter({"http": http, "websocket": SocketSignIn(sockets)})))
stop_in_order()
tune()
