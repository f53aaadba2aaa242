"""Every address of the site; each app names its own."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("twinvault.accounts.urls")),
    path("", include("twinvault.vaults.urls")),
    path("", include("twinvault.safe.urls")),
    path("", include("twinvault.jobs.urls")),
    path("", include("twinvault.audit.urls")),
    path("", include("acquisition.urls")),
    path("", include("processing.urls")),
    path("", include("templates_library.urls")),
    path("", include("generator.urls")),
    path("", include("generator.productions.urls")),
    path("", include("generator.scenes.urls")),
]
