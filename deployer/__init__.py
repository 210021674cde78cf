"""Takes the committed documents to an account, by change sets.

    what is deployed    reviewed, artifacts, parameters, deployed
    a deployment        deployment: standing, planning, plan, plan_view, rollout, execute, conclusion
    other change sets   proposing, inline: bootstrap, adopt, leftovers
    and back again      rollback, role_policy, stack_rollback, destroy, following
    CloudFormation      change_sets, stacks, events, history, failures, tokens
    a person            console, context, asking, progress, signals, and the commands: *_commands

A command imports what it needs when it runs. What is known of AWS is in tables: stack_statuses, refusals, failures.
"""
