"""Steps that bring older items up to what the code writes today: a file for each, all of them listed here."""

from tasks.data.migrate import Migration
from tasks.migrations.consent_2 import name_client
from tasks.migrations.member_2 import list_teams
from tasks.migrations.team_2 import find_by_title

MIGRATIONS: list[Migration] = [name_client, list_teams, find_by_title]
