"""The error of all tasks."""


class TaskError(Exception):
    """Raised when a task cannot do what was asked.

    The message says why and what to do, in one line for each reason; `invoke` prints it and exits with 2.
    """
