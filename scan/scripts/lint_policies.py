"""Run inside the scanners' environment: print what parliament finds in the policies on standard input, as JSON."""

import json
import sys

from parliament import analyze_policy_string  # type: ignore[import-not-found]  # only in that environment

json.dump(
    [
        {"rule": each.issue, "where": name, "message": str(each.detail)}
        for name, documents in json.load(sys.stdin).items()
        for document in documents
        for each in analyze_policy_string(json.dumps(document)).findings
    ],
    sys.stdout,
)
