"""Leaves out the API tests that a deployed stage, or the local cloud, can't pass, each with its reason."""

import re

import pytest

REASONS = {
    # The development captcha works only on local stages, and no other is configured: sign-up is off.
    "signs somebody up": (
        r"test_audit\.py::test_new_users_are_told",
        r"test_audit\.py::test_what_is_refused_is_no_event",
        r"test_authorization_matrix\.py::test_a_caller_gets_what_the_table_says\[POST-/api/v1/users-",
        r"test_main_job\.py::test_a_new_user_signs_up_signs_in_and_leads_a_team",
        r"test_options\.py::test_allow_equals_what_real_requests_get\[/api/v1/users-",
        r"test_options\.py::test_allow_knows_the_scopes_of_the_token\[/api/v1/users-",
        r"test_options\.py::test_a_public_resource_tells_anybody",
        r"test_password_grant\.py::test_new_passwords_need_length_and_nothing_else",
        r"test_password_grant\.py::test_no_password_is_truncated",
        r"test_password_grant\.py::test_passwords_are_compared_in_nfc",
        r"test_password_grant\.py::test_a_dump_of_the_table_holds_hashes_only",
        r"test_signup\.py::",
        r"test_users\.py::test_the_sign_up_form_tells_the_captcha_key",
        r"test_account_page\.py::test_an_account_is_deleted",
    ),
    "is about a scheme without TLS": (
        r"test_access_tokens\.py::test_a_flawed_claim_is_refused\[iss over TLS",
        r"test_authorize_forms\.py::test_the_cookie_says_nothing_and_lasts_for_the_session",
        r"test_authorize_forms\.py::test_no_cookie_makes_a_ticket_into_another_one",
        r"test_account_page\.py::test_the_cookie_is_for_this_host_and_no_script",
        r"test_account_page\.py::test_a_cookie_is_for_its_own_account",
    ),
    "sends bytes that this cloud turns into text": (
        r"test_hostile_input\.py::test_json_that_is_none_between_systems_is_malformed",
        r"test_hostile_input\.py::test_forms_that_do_not_parse_are_malformed",
        r"test_token_endpoint\.py::test_a_malformed_request_is_named",
    ),
    "sends a method in lower case, which this cloud does not tell apart": (
        r"test_problems\.py::test_an_unknown_method_is_405_and_names_the_known_ones\[.*-get\]",
    ),
    "comes from an address that this cloud does not see": (
        r"test_audit\.py::test_a_failed_sign_in_is_told_with_its_reason",
        r"test_audit\.py::test_an_event_tells_who_what_when_and_from_where",
        r"test_brute_force\.py::test_an_address_is_what_the_gateway_saw",
    ),
    "is about files of the project": (r"test_policies\.py::",),
}


def why(name: str) -> str:
    """Return why a test is left out; nothing if it is not."""
    return next((why for why, found in REASONS.items() if any(re.search(each, name) for each in found)), "")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests out."""
    gone = [item for item in items if why(item.nodeid)]
    config.hook.pytest_deselected(items=gone)
    items[:] = [item for item in items if not why(item.nodeid)]
