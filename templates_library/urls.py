from django.urls import path

from templates_library import views

urlpatterns = [
    path("templates/", views.templates, name="templates"),
    path("templates/new/", views.submit_template, name="submit_template"),
    path("templates/<uuid:template_id>/", views.template, name="template"),
    path("templates/<uuid:template_id>/revise/", views.revise_template, name="revise_template"),
    path("templates/<uuid:template_id>/withdraw/", views.withdraw_template, name="withdraw_template"),
    path("templates/revisions/<uuid:revision_id>/review/", views.review_revision, name="review_revision"),
    path("templates/revisions/<uuid:revision_id>/prepare/", views.prepare_again, name="prepare_again"),
    path("templates/revisions/<uuid:revision_id>/content/", views.revision_content, name="revision_content"),
    path("templates/revisions/<uuid:revision_id>/poster/", views.revision_poster, name="revision_poster"),
    path("templates/roles/<uuid:role_id>/portrait/", views.role_portrait, name="role_portrait"),
]
