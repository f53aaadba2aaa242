from django.urls import path

from generator.scenes import board, views

urlpatterns = [
    path("vaults/<uuid:vault_id>/scenes/", views.scenes, name="scenes"),
    path("vaults/<uuid:vault_id>/scenes/new/", views.new_scene, name="new_scene"),
    path("scenes/schema.json", views.scene_schema, name="scene_schema"),
    path("scenes/review/", board.review_scenes, name="review_scenes"),
    path("scenes/review/<uuid:scene_id>/", board.scene_for_review, name="scene_for_review"),
    path("scenes/review/<uuid:scene_id>/withdraw/", board.withdraw, name="board_withdraw_scene"),
    path("scenes/revisions/<uuid:revision_id>/review/", board.give_word, name="review_scene"),
    path("scenes/revisions/<uuid:revision_id>/background/", views.scene_background, name="scene_background"),
    path("scenes/revisions/<uuid:revision_id>/make/", views.make_clip, name="make_clip"),
    path("scenes/clips/<uuid:clip_id>/content/", views.clip_content, name="clip_content"),
    path("scenes/clips/<uuid:clip_id>/measures/", views.clip_measures, name="clip_measures"),
    path("scenes/clips/<uuid:clip_id>/revoke/", views.revoke_clip, name="revoke_clip"),
    path("scenes/<uuid:scene_id>/", views.scene, name="scene"),
    path("scenes/<uuid:scene_id>/revise/", views.revise_scene, name="revise_scene"),
    path("scenes/<uuid:scene_id>/withdraw/", views.withdraw_scene, name="withdraw_scene"),
]
