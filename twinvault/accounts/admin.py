"""Accounts in the admin. The board is named and released by actions, so that each is recorded."""

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from twinvault.accounts.models import BOARD, User
from twinvault.accounts.services import add_board_member, remove_board_member
from twinvault.audit.record import record

# the one group is kept by the services; its members and rights are not edited by hand
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "called", "email", "on_board", "is_superuser", "is_active", "last_login"]
    list_filter = ["groups", "is_superuser", "is_active"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["username", "email", "password1", "password2"]})]
    readonly_fields = ["is_staff", "groups", "last_login", "date_joined"]
    filter_horizontal = []
    actions = ["name_to_board", "release_from_board"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("groups")

    def has_delete_permission(self, request, obj=None) -> bool:
        """The record names people; whoever leaves is made inactive."""
        return False

    def save_model(self, request, obj, form, change) -> None:
        super().save_model(request, obj, form, change)
        record("account changed" if change else "account made", actor=request.user, target=obj)

    @admin.display(description="board", boolean=True)
    def on_board(self, user: User) -> bool:
        return any(group.name == BOARD for group in user.groups.all())

    @admin.action(description="Name to the editorial board", permissions=["change"])
    def name_to_board(self, request, users) -> None:
        for user in users:
            add_board_member(user, by=request.user)
            messages.success(request, f"{user} is a member of the editorial board.")

    @admin.action(description="Release from the editorial board", permissions=["change"])
    def release_from_board(self, request, users) -> None:
        for user in users:
            remove_board_member(user, by=request.user)
            messages.success(request, f"{user} is no longer a member of the editorial board.")
