"""Emits the CloudFormation template and the Amazon States Language documents."""
