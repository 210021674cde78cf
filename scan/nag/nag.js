// Applies cdk-nag's AwsSolutions rules to a template that the CDK did not make.
const { App, Stack, Validations } = require('aws-cdk-lib');
const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');
const { AwsSolutionsChecks } = require('cdk-nag');

const [template, outdir] = process.argv.slice(2);
const app = new App({ outdir, analyticsReporting: false });
new CfnInclude(new Stack(app, 'Included'), 'Template', { templateFile: template });
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
app.synth(); // throws where something is found; what was found is in validation-report.json
