// SPDX-License-Identifier: Apache-2.0
// The second opinion of request_differential.cpp: what llhttp, the parser inside node, makes of a stream of bytes when it
// is as strict as it can be. Reads one stream per line in hexadecimal; writes one JSON object per line: the requests it
// has read whole, the error that ended it (null: none), and whether it stopped for an upgrade. Texts are hexadecimal.
import readline from "node:readline";

// The raw parser: an http.Server has opinions of its own (Host, Expect, timeouts) that would hide llhttp's.
const { HTTPParser, allMethods } = process.binding("http_parser");
const hex = (text) => Buffer.from(text, "latin1").toString("hex");

function read(bytes) {
    const requests = [];
    let lines = [], url = "", body = [], head;
    const parser = new HTTPParser();
    parser.initialize(HTTPParser.REQUEST, {}, 0, HTTPParser.kLenientNone);
    // Long header sections and trailers come in pieces; node forgets to gather a head again once there were any.
    parser[HTTPParser.kOnHeaders] = (some, target) => {
        if (!head) lines.push(...some), (url += target);
    };
    parser[HTTPParser.kOnHeadersComplete] = (major, minor, some, method, target, _code, _text, upgrade, keepAlive) => {
        head = {
            method: allMethods[method], target: hex(target ?? url), major, minor,
            lines: [...lines, ...(some ?? [])].map(hex), keep_alive: keepAlive, upgrade,
        };
        return 0;
    };
    parser[HTTPParser.kOnBody] = (piece) => { body.push(Buffer.from(piece)); };
    parser[HTTPParser.kOnMessageComplete] = () => {
        requests.push({ ...head, body: Buffer.concat(body).toString("hex") });
        lines = [], url = "", body = [], head = undefined;
    };
    const done = parser.execute(bytes);
    const error = done instanceof Error ? done.code : null;
    const upgraded = error === null && done < bytes.length;
    parser.free();
    return { requests, error, upgraded };
}

process.removeAllListeners("warning"); // that the binding is an internal of node
for await (const line of readline.createInterface({ input: process.stdin }))
    process.stdout.write(JSON.stringify(read(Buffer.from(line, "hex"))) + "\n");
