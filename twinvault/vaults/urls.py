from django.urls import path

from twinvault.vaults import board_views, invitation_views, member_views, views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("vaults/new/", views.new_vault, name="new_vault"),
    path("vaults/<uuid:vault_id>/", views.vault, name="vault"),
    path("vaults/<uuid:vault_id>/details/", views.vault_details, name="vault_details"),
    path("vaults/<uuid:vault_id>/stages/", views.life_stages, name="life_stages"),
    path("vaults/<uuid:vault_id>/stages/<uuid:stage_id>/", views.life_stage, name="life_stage"),
    path("vaults/<uuid:vault_id>/stages/<uuid:stage_id>/remove/", views.remove_life_stage, name="remove_life_stage"),
    path("vaults/<uuid:vault_id>/consent/", views.consent, name="consent"),
    path("vaults/<uuid:vault_id>/consent/<uuid:consent_id>/withdraw/", views.withdraw_consent, name="withdraw_consent"),
    path("vaults/<uuid:vault_id>/consent/<uuid:consent_id>/document/", views.consent_document, name="consent_document"),
    path("vaults/<uuid:vault_id>/consent/<uuid:consent_id>/statement/", views.statement, name="statement"),
    path("vaults/<uuid:vault_id>/consent/<uuid:consent_id>/recording/", views.statement_content, name="statement_content"),
    path("consents/review/", board_views.review_consents, name="review_consents"),
    path("consents/review/<uuid:consent_id>/", board_views.consent_for_review, name="consent_for_review"),
    path("consents/review/<uuid:consent_id>/document/", board_views.document_for_review, name="document_for_review"),
    path("vaults/<uuid:vault_id>/members/", member_views.members, name="members"),
    path("vaults/<uuid:vault_id>/members/<int:membership_id>/role/", member_views.set_role, name="set_role"),
    path("vaults/<uuid:vault_id>/members/<int:membership_id>/remove/", member_views.remove_member, name="remove_member"),
    path(
        "vaults/<uuid:vault_id>/invitations/<uuid:invitation_id>/revoke/",
        invitation_views.revoke_invitation,
        name="revoke_invitation",
    ),
    path("invitations/<str:secret>/", invitation_views.invitation, name="invitation"),
]
