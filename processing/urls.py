from django.urls import path

from processing.views import datasets, faces, people

urlpatterns = [
    path("vaults/<uuid:vault_id>/people/", people.people, name="people"),
    path("vaults/<uuid:vault_id>/people/act/", people.act_on_people, name="act_on_people"),
    path("vaults/<uuid:vault_id>/people/undo/", people.undo, name="undo"),
    path("vaults/<uuid:vault_id>/people/erase/", people.erase_now, name="erase_now"),
    path("people/<uuid:person_id>/", people.person, name="person"),
    path("people/<uuid:person_id>/who/", people.say_who, name="say_who"),
    path("people/<uuid:person_id>/apart/", people.take_apart, name="take_apart"),
    path("vaults/<uuid:vault_id>/faces/", faces.faces, name="faces"),
    path("vaults/<uuid:vault_id>/faces/counts/", faces.face_counts, name="face_counts"),
    path("vaults/<uuid:vault_id>/faces/decide/", faces.decide, name="decide"),
    path("faces/<int:face_id>/", faces.face, name="face"),
    path("faces/<int:face_id>/crop/", faces.crop, name="crop"),
    path("footage/<uuid:footage_id>/analyse/", faces.analyse_again, name="analyse_again"),
    path("vaults/<uuid:vault_id>/datasets/", datasets.datasets, name="datasets"),
    path("vaults/<uuid:vault_id>/datasets/thresholds/", datasets.thresholds, name="thresholds"),
    path("vaults/<uuid:vault_id>/datasets/<uuid:stage_id>/", datasets.dataset, name="dataset"),
    path("faces/<int:face_id>/corrected/", datasets.corrected, name="corrected"),
]
