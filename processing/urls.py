from django.urls import path

from processing import views

urlpatterns = [
    path("vaults/<uuid:vault_id>/faces/", views.faces, name="faces"),
    path("vaults/<uuid:vault_id>/faces/counts/", views.face_counts, name="face_counts"),
    path("faces/<int:face_id>/crop/", views.crop, name="crop"),
    path("people/<uuid:person_id>/who/", views.say_who, name="say_who"),
    path("footage/<uuid:footage_id>/analyse/", views.analyse_again, name="analyse_again"),
]
