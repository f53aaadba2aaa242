"""What the admin's pages of several apps share."""


class ReadOnly:
    """A page that is looked at: nothing is added, changed or deleted there, by anybody."""

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False
