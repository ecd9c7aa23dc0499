// SPDX-License-Identifier: Apache-2.0
// validate_openapi.mjs FILE: checks an OpenAPI document against the official schema of its version, every schema in
// it against JSON Schema 2020-12 (which OpenAPI's own schema leaves open), and that every $ref leads somewhere.
// Works without a network. Exit status 1, and the faults on stderr, when something is wrong.
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv2020 from 'ajv/dist/2020.js';

const document = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const faults = [];

const validator = new Validator();
const verdict = await validator.validate(document);
if (!verdict.valid) faults.push(verdict.errors);

const ajv = new Ajv2020.default({ strict: false });

// Calls visit(key, value, pointer) for every member of every object below `node`.
function walk(node, pointer, visit) {
  if (node === null || typeof node !== 'object') return;
  for (const [key, value] of Object.entries(node)) {
    const here = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    visit(key, value, here);
    walk(value, here, visit);
  }
}

function resolve(reference) {
  if (!reference.startsWith('#/')) return undefined;
  const keys = reference.slice(2).split('/').map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  return keys.reduce((node, key) => node?.[key], document);
}

walk(document, '#', (key, value, pointer) => {
  const isSchema = key === 'schema' || /^#\/components\/schemas\/[^/]+$/.test(pointer);
  if (isSchema && !ajv.validateSchema(value)) faults.push({ pointer, errors: ajv.errors });
  if (key === '$ref' && typeof value === 'string' && resolve(value) === undefined) faults.push({ pointer, dangling: value });
});

if (faults.length > 0) {
  console.error(JSON.stringify(faults, null, 2));
  process.exit(1);
}
console.log(`valid OpenAPI ${validator.version}`);
