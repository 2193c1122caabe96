"""The media types that requests and answers come in."""

FORM = "application/x-www-form-urlencoded"
HTML = "text/html"
JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
PROBLEM_JSON = "application/problem+json"
YAML = "application/yaml"
