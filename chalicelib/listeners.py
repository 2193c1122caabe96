"""Who hears of events: whatever acts, a request, a task or a job, has these listeners."""

from chalicelib.audit import trail

LISTENERS = (
    trail.record,  # who did what
)
