from django.urls import path

from generator.productions import views

urlpatterns = [
    path("vaults/<uuid:vault_id>/order/", views.order, name="order"),
    path("vaults/<uuid:vault_id>/order/match/", views.match_twin, name="match"),
    path("vaults/<uuid:vault_id>/order/roles/", views.roles, name="roles"),
    path("films/<uuid:film_id>/", views.film, name="film"),
    path("films/<uuid:film_id>/content/", views.film_content, name="film_content"),
    path("films/<uuid:film_id>/preview/", views.film_preview, name="film_preview"),
    path("films/<uuid:film_id>/measures/", views.film_measures, name="film_measures"),
    path("films/<uuid:film_id>/release/", views.release_film, name="release_film"),
    path("films/<uuid:film_id>/revoke/", views.revoke_film, name="revoke_film"),
    path("verify/", views.verify, name="verify"),
]
