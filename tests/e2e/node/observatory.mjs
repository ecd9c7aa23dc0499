// SPDX-License-Identifier: Apache-2.0
// observatory.mjs ADDRESS PORT: the MDN HTTP Observatory's verdict on an HTTPS server, as JSON. The scanner asks
// https://localhost:443 and http://localhost:80 and cannot be told otherwise; here the first is the server, as it would
// be in production, and nobody listens on the second. $NODE_EXTRA_CA_CERTS names whoever signed the certificate.
import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

const [address, port] = process.argv.slice(2);

// The package fetches the list of preloaded hosts when it is installed; ours are on none.
const scanner = path.dirname(createRequire(import.meta.url).resolve('@mdn/mdn-http-observatory'));
writeFileSync(path.join(scanner, '..', 'conf', 'hsts-preload.json'), '{}');

const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...given) {
  const options = [given.flat(1)].flat().find((each) => each?.port);
  if (Number(options.port) !== 443) {
    process.nextTick(() => this.destroy(Object.assign(new Error('nobody listens'), { code: 'ECONNREFUSED' })));
    return this;
  }
  Object.assign(options, { host: address, port });
  return connect.apply(this, given);
};

const { scan } = await import('@mdn/mdn-http-observatory');
const { scan: verdict, tests } = await scan(`localhost${process.argv[4] ?? ''}`);
const results = Object.entries(tests).map(([name, { result, scoreModifier }]) => [name, { result, scoreModifier }]);
console.log(JSON.stringify({ grade: verdict.grade, score: verdict.score, tests: Object.fromEntries(results) }, null, 2));
process.exit(0);
