"""The map of the site. Sockets are in `softpos.asgi`."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from merchants import pages as merchant_pages
from softpos import shell
from softpos.home import home
from transactions import pages

urlpatterns = [
    path("", home, name="home"),
    path("sign-in/", LoginView.as_view(template_name="registration/sign_in.html"), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("terminal/", shell.terminal_page, name="terminal"),
    path("sw.js", shell.service_worker, name="service_worker"),
    path("manifest.webmanifest", shell.manifest, name="manifest"),
    path("dashboard/", pages.dashboard, name="dashboard"),
    path("dashboard/transactions/", pages.transaction_list, name="transaction_list"),
    path("dashboard/transactions/<str:public_id>/", pages.transaction_detail, name="transaction_detail"),
    path("dashboard/terminals/", merchant_pages.terminal_list, name="terminal_list"),
    path("dashboard/terminals/add/", merchant_pages.terminal_add, name="terminal_add"),
    path(
        "dashboard/terminals/<uuid:terminal_id>/revoke/",
        merchant_pages.terminal_revoke,
        name="terminal_revoke",
    ),
    path(
        "dashboard/terminals/<uuid:terminal_id>/code/",
        merchant_pages.terminal_new_code,
        name="terminal_new_code",
    ),
    path("dashboard/cards/", pages.card_list, name="card_list"),
    path("receipts/<str:public_id>/", pages.receipt, name="receipt"),
    path("api/v1/", include("softpos.api_urls")),
]
