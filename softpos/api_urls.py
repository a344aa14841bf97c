"""The addresses of REST, version 1 (protocol, section 3); `softpos.urls` includes them at `api/v1/`."""

from django.conf import settings
from django.urls import path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from merchants.api import EnrolView, FeeViewSet, MerchantView, TerminalViewSet
from transactions.api import CardViewSet, ExportView, SummaryView, TransactionViewSet
from transactions.demo_api import DeckTapView, DeckView

router = SimpleRouter(use_regex_path=False)
router.register("transactions", TransactionViewSet, basename="api-transaction")
router.register("cards", CardViewSet, basename="api-card")
router.register("terminals", TerminalViewSet, basename="api-terminal")
router.register("fees", FeeViewSet, basename="api-fee")

demo_urlpatterns = [
    path("demo/cards/", DeckView.as_view(), name="api-demo-cards"),
    path("demo/cards/<str:uid>/tap/", DeckTapView.as_view(), name="api-demo-tap"),
]

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("merchant/", MerchantView.as_view(), name="api-merchant"),
    path("summary/", SummaryView.as_view(), name="api-summary"),
    path("transactions/export.csv", ExportView.as_view(), name="api-export"),
    path("terminals/enrol/", EnrolView.as_view(), name="api-enrol"),
    *router.urls,
    *(demo_urlpatterns if settings.SOFTPOS_DEMO else []),
]
