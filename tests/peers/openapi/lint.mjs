// Lints an OpenAPI document with Redocly's recommended rules: node lint.mjs FILE.
//
// Prints one line of JSON for each problem; none of the rules is switched off.

import { createConfig, lint } from '@redocly/openapi-core';

const config = await createConfig({ extends: ['recommended'] });
for (const problem of await lint({ ref: process.argv[2], config })) {
    const { ruleId: rule, severity, message } = problem;
    const at = problem.location.map(({ pointer }) => pointer);
    console.log(JSON.stringify({ rule, severity, message, at }));
}
