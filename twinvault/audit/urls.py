from django.urls import path

from twinvault.audit import views

urlpatterns = [
    path("vaults/<uuid:vault_id>/record/", views.vault_record, name="record"),
]
