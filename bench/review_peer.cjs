// Reads pairs of templates, as JSON on the standard input, and says of each what @aws-cdk/cloudformation-diff finds.
const { fullDiff } = require(process.argv[2]);
const pairs = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const said = {};
for (const [name, [before, after]] of Object.entries(pairs)) {
  const start = process.hrtime.bigint();
  try {
    const found = fullDiff(before, after);
    const impacts = [];
    found.resources.forEachDifference((_, change) => impacts.push(change.changeImpact));
    said[name] = {
      broadened: found.permissionsBroadened,
      replaced: impacts.some((impact) => impact === 'WILL_REPLACE' || impact === 'MAY_REPLACE'),
      changes: found.differenceCount,
    };
  } catch (error) {
    said[name] = { error: String(error).split('\n')[0] };
  }
  said[name].milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
}
console.log(JSON.stringify(said));
