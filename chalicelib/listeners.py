"""Who hears of events: whatever acts, a request, a task or a job, has these listeners."""

from chalicelib.audit import trail
from chalicelib.letters import outbox

LISTENERS = (
    trail.record,  # who did what
    outbox.write_letter,  # who is told by email
)
