"""What a local machine can be of the services that the pipeline calls.

`builds` is CodeBuild, `tasks` Fargate, `functions` Lambda, `records` DynamoDB; `images` and `dockerfile` stand for
the images between them, `stand_ins` for the programs that a build finds on its PATH, `log_streams` for CloudWatch
Logs. Each keeps the API's state in the emulator, and does itself what the emulator cannot.
"""
