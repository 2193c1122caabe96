"""What answers show, written by hand: a field that is added has to be named here, too."""

LISTED_USER = {"id", "username", "first_name", "middle_name", "last_name"}
USER = LISTED_USER | {
    "email",
    "is_email_verified",
    "is_active",
    "is_regular_user",
    "is_admin",
    "is_internal",
    "created",
    "updated",
}
TEAM = {"id", "title", "created", "updated"}
INVITATION = {"id", "email", "inviter_id", "created"}
MY_TEAM = {"id", "title", "is_leader"}
CLIENT = {"client_id", "client_name", "user_id", "client_type", "redirect_uris", "default_scopes"}
CLIENT |= {"grant_types", "is_active", "created", "updated"}
SESSION = {"id", "client_id", "client_name", "is_current", "created", "last_used"}
