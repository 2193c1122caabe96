"""The list of checks: each one is a function, and a line here."""

from tasks.doctor import cloud, drift, settings, table
from tasks.doctor.report import Check

AT_DEPLOYMENT = (
    Check("settings", settings.check_settings),
    Check("keys", settings.check_keys),
    Check("secrets", settings.check_secrets),
    Check("CORS", settings.check_cors),
    Check("captcha", settings.check_captcha),
    Check("table", table.check_table),
    Check("protection", table.check_protection, deployed=True),
    Check("admins", table.check_admins),
    Check("development", table.check_development, deployed=True),
    Check("stack", cloud.check_stack, deployed=True),
    Check("gateway", cloud.check_gateway, deployed=True),
    Check("firewall", cloud.check_firewall, deployed=True),
    Check("alarms", cloud.check_alarms, deployed=True),
    Check("address", cloud.check_address),
)
CHECKS = (*AT_DEPLOYMENT, Check("drift", drift.check_drift, deployed=True))
