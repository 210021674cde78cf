"""Run inside the scanners' environment: print what cloudformation-validate finds in a template, as JSON."""

import json
import sys

import cloudformation_validate  # type: ignore[import-not-found]  # only in that environment

TOLD = {"FATAL", "ERROR", "WARN"}
"""The rest is information: which property replaces its resource, which says nothing about this template."""

report = cloudformation_validate.CompositeEngine().validate_template(sys.argv[1])
json.dump(
    [
        {
            "rule": each.rule_id,
            "where": each.entity.logical_id if each.entity else "-",
            "message": each.message,
        }
        for each in report.diagnostics
        if each.severity.name in TOLD
    ],
    sys.stdout,
)
