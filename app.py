"""The route table: one line per endpoint. Who may call it, and what it does, its operation declares."""

from chalice.app import Chalice

from chalicelib import cold_start, jobs
from chalicelib.account import handlers as account
from chalicelib.account import page as account_page
from chalicelib.audit import handlers as audit
from chalicelib.db.table import connect, session
from chalicelib.invitations import handlers as invitations
from chalicelib.letters import handlers as letters
from chalicelib.listeners import LISTENERS
from chalicelib.oauth import metadata
from chalicelib.oauth.authorize import handlers as authorize
from chalicelib.oauth.clients import handlers as clients
from chalicelib.oauth.grants import handlers as grants
from chalicelib.oauth.sessions import handlers as sessions
from chalicelib.oauth.tokens import authenticator
from chalicelib.oauth.tokens import handlers as tokens
from chalicelib.privacy import handlers as privacy
from chalicelib.scopes import DESCRIPTIONS
from chalicelib.security.keystore import open_keystore
from chalicelib.settings import Settings
from chalicelib.teams import handlers as teams
from chalicelib.telemetry import logs
from chalicelib.users import handlers as users
from chalicelib.web import docs, system
from chalicelib.web.endpoint import Api

settings = Settings.from_env()
logs.configure(settings)
connect(settings)
app = Chalice(app_name="grail", configure_logs=False)
api = Api(app, settings, open_keystore(settings, session()), authenticator, LISTENERS)

# One line for each endpoint, however long.
# fmt: off
api.group("Users", "Sign up, and read and change accounts.")
api.route("GET", "/api/v1/users", users.list_users)
api.route("POST", "/api/v1/users", users.create_user)
api.route("GET", "/api/v1/users/signup-form", users.get_signup_form)
api.route("GET", "/api/v1/users/me", users.get_me)
api.route("GET", "/api/v1/users/{user_id}", users.get_user)
api.route("PATCH", "/api/v1/users/{user_id}", users.patch_user)

api.group("Privacy", "What is stored about you: a copy of it, and its erasure.")
api.route("GET", "/api/v1/users/me/export", privacy.get_export)
api.route("DELETE", "/api/v1/users/{user_id}", privacy.delete_user)

api.group("Connected apps", "Apps that act for you, and how to disconnect them.")
api.route("GET", "/api/v1/users/me/grants", sessions.list_grants)
api.route("DELETE", "/api/v1/users/me/grants/{client_id}", sessions.delete_grant)

api.group("Sessions", "Where you are signed in, and how to end it there.")
api.route("GET", "/api/v1/users/me/sessions", sessions.list_sessions)
api.route("DELETE", "/api/v1/users/me/sessions/{session_id}", sessions.delete_session)

api.group("Teams", "Teams and their members.")
api.route("GET", "/api/v1/users/me/teams", teams.list_my_teams)
api.route("GET", "/api/v1/teams", teams.list_teams)
api.route("POST", "/api/v1/teams", teams.create_team)
api.route("GET", "/api/v1/teams/{team_id}", teams.get_team)
api.route("PATCH", "/api/v1/teams/{team_id}", teams.patch_team)
api.route("DELETE", "/api/v1/teams/{team_id}", teams.delete_team)
api.route("GET", "/api/v1/teams/{team_id}/members", teams.list_members)
api.route("POST", "/api/v1/teams/{team_id}/members", teams.create_member)
api.route("DELETE", "/api/v1/teams/{team_id}/members/{user_id}", teams.delete_member)

api.group("Invitations", "Invite people to a team by e-mail, and accept or decline.")
api.route("GET", "/api/v1/teams/{team_id}/invitations", invitations.list_invitations)
api.route("POST", "/api/v1/teams/{team_id}/invitations", invitations.create_invitation)
api.route("DELETE", "/api/v1/teams/{team_id}/invitations/{invitation_id}", invitations.delete_invitation)
api.route("GET", "/api/v1/users/me/invitations", invitations.list_my_invitations)
api.route("POST", "/api/v1/users/me/invitations/{invitation_id}", invitations.accept_invitation)
api.route("DELETE", "/api/v1/users/me/invitations/{invitation_id}", invitations.decline_invitation)
api.route("GET", "/account/invitation", invitations.show_invitation)
api.route("POST", "/account/invitation", invitations.answer_invitation)
api.route("POST", "/api/v1/account/invitation", invitations.use_invitation)

api.group("OAuth2 clients", "Register and manage the applications that may ask for tokens.")
api.route("GET", "/api/v1/auth/oauth2_clients", clients.list_oauth2_clients)
api.route("POST", "/api/v1/auth/oauth2_clients", clients.create_oauth2_client)
api.route("GET", "/api/v1/auth/oauth2_clients/{client_id}", clients.get_oauth2_client)
api.route("PATCH", "/api/v1/auth/oauth2_clients/{client_id}", clients.patch_oauth2_client)
api.route("DELETE", "/api/v1/auth/oauth2_clients/{client_id}", clients.delete_oauth2_client)
api.route("POST", "/api/v1/auth/oauth2_clients/{client_id}/secret", clients.rotate_oauth2_client_secret)

api.group("OAuth2 tokens", "Get, revoke and introspect tokens (RFC 6749, RFC 7009, RFC 7662).")
api.route("POST", "/auth/oauth2/token", grants.create_token)
api.route("POST", "/auth/oauth2/revoke", tokens.revoke_token)
api.route("POST", "/auth/oauth2/introspect", tokens.introspect_token)

api.group("OAuth2 sign-in page", "Pages on which people sign in and allow apps to act for them.")
api.route("GET", "/auth/oauth2/authorize", authorize.start_authorization)
api.route("POST", "/auth/oauth2/authorize", authorize.continue_authorization)

api.group("OAuth2 discovery", "What the authorization server supports, and its public keys.")
api.route("GET", "/.well-known/oauth-authorization-server", metadata.get_server_metadata)
api.route("GET", "/.well-known/openid-configuration", metadata.get_openid_configuration)
api.route("GET", "/.well-known/jwks.json", metadata.get_jwks)

api.group("Account", "Pages for people: their account, an email address to confirm, a forgotten password.")
api.route("GET", "/account", account_page.show_account)
api.route("POST", "/account", account_page.submit_account)
api.route("GET", "/.well-known/change-password", account_page.get_change_password)
api.route("GET", "/account/verify", account.show_email_verification)
api.route("POST", "/account/verify", account.submit_email_verification)
api.route("GET", "/account/confirm", account.show_email_change)
api.route("POST", "/account/confirm", account.submit_email_change)
api.route("GET", "/account/undo", account.show_email_undo)
api.route("POST", "/account/undo", account.submit_email_undo)
api.route("GET", "/account/forgotten", account.show_forgotten_password)
api.route("POST", "/account/forgotten", account.submit_forgotten_password)
api.route("GET", "/account/reset", account.show_password_reset)
api.route("POST", "/account/reset", account.submit_password_reset)
api.route("POST", "/api/v1/account/email-verification/request", account.request_email_verification)
api.route("POST", "/api/v1/account/email-verification", account.verify_email)
api.route("POST", "/api/v1/account/email-change", account.confirm_email_change)
api.route("POST", "/api/v1/account/email-undo", account.undo_email_change)
api.route("POST", "/api/v1/account/password-reset/request", account.request_password_reset)
api.route("POST", "/api/v1/account/password-reset", account.reset_password)

api.group("Audit", "What happened to accounts, clients and tokens.")
api.route("GET", "/api/v1/audit", audit.list_audit_events)

api.group("Documentation", "This page, the OpenAPI document, and what each type of problem means.")
api.route("GET", "/api/v1", docs.get_documentation)
api.route("GET", "/api/v1/oauth2-redirect", docs.get_documentation_redirect)
openapi_json, openapi_31_json, openapi_yaml = docs.openapi(api, DESCRIPTIONS)
api.route("GET", "/api/v1/openapi.json", openapi_json)
api.route("GET", "/api/v1/openapi-3.1.json", openapi_31_json)
api.route("GET", "/api/v1/openapi.yaml", openapi_yaml)
api.route("GET", "/api/v1/static/{file}", docs.get_static_file)
api.route("GET", "/.well-known/api-catalog", system.api_catalog(api))
api.route("GET", "/.well-known/security.txt", system.get_security_txt)
api.route("GET", "/errors/{problem}", system.get_problem_type)

api.group("Health", "Whether the service runs.")
api.route("GET", "/health", system.get_health)
# fmt: on

# Lambda finds a function by the name that it has here.
run_clean_up = app.schedule("rate(5 minutes)", name="clean_up")(jobs.run_clean_up)
send_letters = app.lambda_function(name="send_letters")(letters.sending(api.context))

cold_start.finish()
