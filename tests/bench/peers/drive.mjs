// SPDX-License-Identifier: Apache-2.0
// Drives one queue of the npm packages here and prints one line of JSON; tests/bench/queue is who calls it.
//   node drive.mjs PEER push n=20000 bulk=50 calls=4        enqueues: `bulk` jobs a call, `calls` calls at a time
//   node drive.mjs PEER drain n=20000 concurrency=10        enqueues (not timed), then works them off
//   node drive.mjs PEER serve n=10000 concurrency=10        works off what `offer` sends: how long did each wait?
//   node drive.mjs PEER offer n=10000 rate=2000             one job at a time, at this rate, whatever becomes of them
// Jobs do nothing and carry 100 bytes. Of a drain, time runs from the first job's start until the queue has taken note
// of the last one's end. Each job must be there once, no more and no less: else the status is 1. The servers and the
// number of connections to PostgreSQL are told by REDIS_URL, DATABASE_URL and CONNECTIONS.
const [peer, verb, ...rest] = process.argv.slice(2);
const how = { n: 20000, bulk: 50, calls: 1, concurrency: 10, batch: 1, rate: 2000 };
for (const one of rest) {
  const [name, value] = one.split('=');
  if (!(name in how) || !(Number(value) > 0)) throw new Error(`what is ${one}?`);
  how[name] = Number(value);
}
const { open } = await import(`./${peer}.mjs`);

const PAYLOAD = 100;
const clock = () => performance.timeOrigin + performance.now();  // milliseconds since 1970, with fractions

function payload(n, at = 0) {
  const bare = { n, at, text: '' };
  bare.text = 'x'.repeat(PAYLOAD - JSON.stringify(bare).length);
  return bare;
}

function fail(text) {
  console.error(`${peer} ${verb}: ${text}`);
  process.exit(1);
}

function tell(jobs, milliseconds, more = {}) {
  const cpu = process.cpuUsage();
  console.log(JSON.stringify({ jobs, seconds: milliseconds / 1000, per_second: jobs / (milliseconds / 1000),
                               cpu_seconds: (cpu.user + cpu.system) / 1e6, ...more }));
}

// Jobs from..to, `calls` calls at a time.
async function push(queue, from, to, bulk, calls) {
  let next = from;
  const line = async () => {
    while (next < to) {
      const first = next;
      next = Math.min(to, first + bulk);
      if (bulk === 1) await queue.add(payload(first));
      else await queue.addBulk(Array.from({ length: next - first }, (_, i) => payload(first + i)));
    }
  };
  await Promise.all(Array.from({ length: calls }, line));
}

// Resolves when `n` different jobs have ended; knows when each began.
function tally(n) {
  const seen = new Uint8Array(n);
  const out = { first: 0, last: 0, waits: [], begun: 0, ended: 0, again: 0 };
  let finish;
  out.all = new Promise((resolve) => { finish = resolve; });
  out.begin = (what) => {
    const now = clock();
    out.first ||= now;
    out.begun += 1;
    if (seen[what.n]) out.again += 1;
    seen[what.n] = 1;
    if (what.at) out.waits.push(now - what.at);
  };
  out.end = (jobs = 1) => {
    out.ended += jobs;
    if (out.ended >= n) {
      out.last = clock();
      finish();
    }
  };
  out.check = async (queue) => {
    const missing = seen.reduce((sum, one) => sum + (one ? 0 : 1), 0);
    const left = await queue.left();
    if (missing || out.again || out.begun !== n || left)
      fail(`${missing} of ${n} jobs never ran, ${out.again} ran again, ${left} are left in the queue`);
  };
  return out;
}

const quantile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

const verbs = {
  async push(queue) {
    const warm = Math.max(1, Math.floor(how.n / 10));
    await push(queue, 0, warm, how.bulk, how.calls);
    const start = clock();
    await push(queue, warm, warm + how.n, how.bulk, how.calls);
    const took = clock() - start;
    const left = await queue.left();
    if (left !== warm + how.n) fail(`${left} jobs are in the queue instead of ${warm + how.n}`);
    tell(how.n, took);
  },
  async drain(queue) {
    await push(queue, 0, how.n, 500, 4);
    const left = await queue.left();
    if (left !== how.n) fail(`${left} jobs are in the queue instead of ${how.n}`);
    const count = tally(how.n);
    await queue.work(how, count);
    await count.all;
    await queue.rest();
    await count.check(queue);
    tell(how.n, count.last - count.first);
  },
  async serve(queue) {
    const count = tally(how.n);
    await queue.work(how, count);
    console.error('ready');
    await count.all;
    await queue.rest();
    await count.check(queue);
    const sorted = count.waits.sort((a, b) => a - b);
    tell(how.n, count.last - count.first,
         { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), p999: quantile(sorted, 0.999), max: sorted.at(-1) });
  },
  async offer(queue) {
    const start = clock();
    const calls = [];
    for (let n = 0; n < how.n;) {
      const due = Math.min(how.n, Math.floor((clock() - start) * how.rate / 1000));
      for (; n < due; n += 1) calls.push(queue.add(payload(n, start + n * 1000 / how.rate)));
      await new Promise((resolve) => { setTimeout(resolve, 1); });
    }
    await Promise.all(calls);
    tell(how.n, clock() - start);
  },
};
if (!verbs[verb]) fail('there is no such verb');
const queue = await open({ ...how, connections: Number(process.env.CONNECTIONS ?? 20) });
await verbs[verb](queue);
await queue.close();
process.exit(0);
