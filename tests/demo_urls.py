"""The site's addresses with those of demo mode, whatever the environment of the tests says."""

from django.urls import include, path

from softpos.api_urls import demo_urlpatterns
from softpos.urls import urlpatterns as site

urlpatterns = [*site, path("api/v1/", include(demo_urlpatterns))]
