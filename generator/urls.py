from django.urls import path

from generator import views

urlpatterns = [
    path("vaults/<uuid:vault_id>/twins/", views.twins, name="twins"),
    path("twins/<uuid:twin_id>/", views.twin, name="twin"),
    path("twins/<uuid:twin_id>/retire/", views.retire_twin, name="retire_twin"),
    path("twins/previews/<int:preview_id>/", views.preview, name="preview"),
]
