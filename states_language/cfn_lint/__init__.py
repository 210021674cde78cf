"""The checker as rules of cfn-lint: `cfn-lint --append-rules states_language/cfn_lint TEMPLATE`."""
