from django.urls import path

from twinvault.safe import export_views, views

SAFE = "vaults/<uuid:vault_id>/safe/"

urlpatterns = [
    path(SAFE, views.safe, name="safe"),
    path(f"{SAFE}password/", views.password, name="safe_password"),
    path(f"{SAFE}seal/", views.seal, name="seal"),
    path(f"{SAFE}unseal/", views.unseal, name="unseal"),
    path(f"{SAFE}close/", views.close, name="close_safe"),
    path(f"{SAFE}retention/", views.retention, name="retention"),
    path(f"{SAFE}erase/", views.erase, name="erase"),
    path(f"{SAFE}exports/", export_views.ask, name="ask_export"),
    path(f"{SAFE}exports/<uuid:export_id>/end/", export_views.end, name="end_export"),
    path(f"{SAFE}exports/<uuid:export_id>/<str:token>/", export_views.export, name="export"),
    path(f"{SAFE}exports/<uuid:export_id>/<str:token>/everything.zip", export_views.download, name="download_export"),
    path("erasures/<uuid:erasure_id>/", views.receipt, name="erasure"),
]
