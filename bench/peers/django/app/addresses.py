"""The views that Django brings along: sign-in, and the request for a link by mail."""

from django.urls import include, path

urlpatterns = [path("", include("django.contrib.auth.urls"))]
