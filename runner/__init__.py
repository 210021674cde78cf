"""Runs the pipeline on this machine: the committed documents, a real MCP server, a verdict in seconds.

`emulator` serves the AWS APIs, `stack` deploys the committed template to it, `services` is what a local machine can
be of CodeBuild, Fargate and Lambda, `pipeline` executes the deployed definition, `report` tells what happened.
`warden` keeps every process that is started here from being left behind. `faults` executes the document against
`modelled_aws` instead, under every fault.
"""
