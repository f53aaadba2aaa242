from django.urls import path

from acquisition import views
from acquisition.timeline import views as timeline
from acquisition.uploads import views as tus

urlpatterns = [
    path("vaults/<uuid:vault_id>/upload/", views.upload, name="upload"),
    path("vaults/<uuid:vault_id>/timeline/", timeline.timeline, name="timeline"),
    path("vaults/<uuid:vault_id>/timeline/change/", timeline.change_timeline, name="change_timeline"),
    path("vaults/<uuid:vault_id>/timeline/take-back/", timeline.take_back, name="take_back"),
    path("uploads/", tus.uploads, name="uploads"),
    path("uploads/<uuid:upload_id>/", tus.upload_part, name="upload_part"),
    path("footage/<uuid:footage_id>/", views.footage, name="footage"),
    path("footage/<uuid:footage_id>/when/", timeline.say_when, name="say_when"),
    path("footage/<uuid:footage_id>/job/", views.footage_job, name="footage_job"),
    path("footage/<uuid:footage_id>/content/", views.footage_content, name="footage_content"),
    path("footage/<uuid:footage_id>/remove/", views.remove_footage, name="remove_footage"),
]
