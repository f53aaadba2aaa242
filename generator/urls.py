from django.urls import path

from generator import base_views, views

urlpatterns = [
    path("vaults/<uuid:vault_id>/twins/", views.twins, name="twins"),
    path("vaults/<uuid:vault_id>/twins/upkeep/", views.upkeep, name="upkeep"),
    path("twins/<uuid:twin_id>/", views.twin, name="twin"),
    path("twins/<uuid:twin_id>/update/", views.update_twin, name="update_twin"),
    path("twins/<uuid:twin_id>/retire/", views.retire_twin, name="retire_twin"),
    path("twins/previews/<int:preview_id>/", views.preview, name="preview"),
    path("bases/", base_views.all_bases, name="bases"),
    path("bases/<uuid:base_id>/", base_views.base, name="base"),
    path("bases/<uuid:base_id>/stop/", base_views.stop_base, name="stop_base"),
    path("bases/<uuid:base_id>/resume/", base_views.resume_base, name="resume_base"),
    path("bases/<uuid:base_id>/retire/", base_views.retire_base, name="retire_base"),
    path("bases/previews/<int:base_preview_id>/", base_views.base_preview, name="base_preview"),
]
