// The original pipeline, written from its description, as the CDK has it: what our generation is measured against.
// PIPELINES=n makes n stacks of it in one process.
const cdk = require('aws-cdk-lib');
const {
  aws_codebuild: codebuild, aws_ec2: ec2, aws_ecr: ecr, aws_ecs: ecs, aws_iam: iam, aws_lambda: lambda, aws_logs: logs,
  aws_stepfunctions: sfn, aws_stepfunctions_tasks: tasks,
} = require('aws-cdk-lib');

class ValidationStack extends cdk.Stack {
  constructor(scope, id, props) {
    super(scope, id, props);
    const vpc = new ec2.Vpc(this, 'Vpc', { maxAzs: 2, natGateways: 0, subnetConfiguration: [{ name: 'public', subnetType: ec2.SubnetType.PUBLIC }] });
    const group = new ec2.SecurityGroup(this, 'Group', { vpc });
    group.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(8000));
    const cluster = new ecs.Cluster(this, 'Cluster', { vpc });
    const repository = new ecr.Repository(this, 'Repository');
    const taskLog = new logs.LogGroup(this, 'TaskLog', { retention: logs.RetentionDays.ONE_WEEK });
    const executionRole = new iam.Role(this, 'ExecutionRole', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
    executionRole.addManagedPolicy(iam.ManagedPolicy.fromAwsManagedPolicyName('service-role/AmazonECSTaskExecutionRolePolicy'));
    const taskRole = new iam.Role(this, 'TaskRole', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
    const project = new codebuild.Project(this, 'Build', {
      environment: { buildImage: codebuild.LinuxBuildImage.STANDARD_7_0, privileged: true },
      buildSpec: codebuild.BuildSpec.fromObject({ version: '0.2', phases: { build: { commands: ['git clone $URL source', 'docker build -t $REPO:latest source', 'docker push $REPO:latest'] } } }),
      environmentVariables: { REPO: { value: repository.repositoryUri } },
    });
    repository.grantPullPush(project);
    const validator = new lambda.Function(this, 'Validator', {
      runtime: lambda.Runtime.PYTHON_3_13, handler: 'index.handler', timeout: cdk.Duration.seconds(60),
      code: lambda.Code.fromInline('def handler(event, context):\n    return {"verified": True}\n'),
    });
    const all = ['*'];
    const call = (name, action, parameters, resultPath) => new tasks.CallAwsService(this, name, { service: 'ecs', action, parameters, iamResources: all, resultPath });
    const build = new tasks.CodeBuildStartBuild(this, 'BuildMCPServerImage', {
      project, integrationPattern: sfn.IntegrationPattern.RUN_JOB, resultPath: '$.build',
      environmentVariablesOverride: { SERVER_ID: { value: sfn.JsonPath.stringAt('$.serverId') } },
    });
    const register = call('RegisterValidationTaskDef', 'registerTaskDefinition', {
      Family: 'ToolShedValidation', RequiresCompatibilities: ['FARGATE'], NetworkMode: 'awsvpc', Cpu: '256', Memory: '512',
      ExecutionRoleArn: executionRole.roleArn, TaskRoleArn: taskRole.roleArn,
      ContainerDefinitions: [{ Name: 'mcp-server', Image: `${repository.repositoryUri}:latest`, PortMappings: [{ ContainerPort: 8000 }],
        LogConfiguration: { LogDriver: 'awslogs', Options: { 'awslogs-group': taskLog.logGroupName, 'awslogs-region': this.region, 'awslogs-stream-prefix': 'mcp' } } }],
    }, '$.registeredTask');
    const run = call('RunMCPServerContainer', 'runTask', {
      Cluster: cluster.clusterArn, LaunchType: 'FARGATE', TaskDefinition: sfn.JsonPath.stringAt('$.registeredTask.TaskDefinition.TaskDefinitionArn'),
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: vpc.publicSubnets.map((each) => each.subnetId), SecurityGroups: [group.securityGroupId], AssignPublicIp: 'ENABLED' } },
    }, '$.taskResult');
    const wait = new sfn.Wait(this, 'WaitForTaskStartup', { time: sfn.WaitTime.duration(cdk.Duration.seconds(60)) });
    const describe = call('DescribeTask', 'describeTasks', { Cluster: cluster.clusterArn, Tasks: sfn.JsonPath.array(sfn.JsonPath.stringAt('$.taskResult.Tasks[0].TaskArn')) }, '$.taskDetails');
    const validate = new tasks.LambdaInvoke(this, 'ValidateMCPServer', { lambdaFunction: validator, resultPath: '$.validationResult' });
    const stop = call('StopMCPServerContainer', 'stopTask', { Cluster: cluster.clusterArn, Task: sfn.JsonPath.stringAt('$.taskResult.Tasks[0].TaskArn') }, sfn.JsonPath.DISCARD);
    const check = new sfn.Choice(this, 'CheckValidationResult')
      .when(sfn.Condition.booleanEquals('$.validationResult.Payload.verified', true), new sfn.Succeed(this, 'ValidationSucceeded'))
      .otherwise(new sfn.Fail(this, 'ValidationFailed'));
    const chain = sfn.Chain.start(build).next(register).next(run).next(wait).next(describe).next(validate).next(stop).next(check);
    const machine = new sfn.StateMachine(this, 'Pipeline', { definitionBody: sfn.DefinitionBody.fromChainable(chain), timeout: cdk.Duration.minutes(30) });
    machine.addToRolePolicy(new iam.PolicyStatement({ actions: ['iam:PassRole'], resources: all }));
  }
}

const app = new cdk.App({ analyticsReporting: false });
for (let index = 0; index < Number(process.env.PIPELINES || 1); index += 1) new ValidationStack(app, `Validation${index}`);
app.synth();
