"""The roles of an account: what they are called, wherever they are set, shown or told."""

# What admins set over the API, and what else an operator may give.
SETTABLE = ("is_active", "is_regular_user", "is_admin")
GRANTED = (*SETTABLE, "is_internal")
