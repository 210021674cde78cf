"""Deploys the committed template with change sets: what was reviewed is what is executed."""
