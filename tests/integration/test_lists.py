"""The tests of lists and of searches by title once more, on AWS's DynamoDB Local: how it sorts and pages."""

import pytest

import app as application
from tests.api.test_pagination import *  # noqa: F403 - its tests and fixtures
from tests.api.test_team_titles import *  # noqa: F403 - the same
from tests.http import Client, InProcess

pytestmark = pytest.mark.integration


@pytest.fixture
def api(table: None) -> Client:
    """A client in this thread."""
    return Client(InProcess(application.app))
