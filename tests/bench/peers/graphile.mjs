// SPDX-License-Identifier: Apache-2.0
// graphile-worker on PostgreSQL: one statement takes a job, one ends it. (Batches came with 0.17, which wants a newer node.)
import { EventEmitter } from 'node:events';
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import pg from 'pg';

const quiet = new Logger(() => (level, message) => { if (level === 'error') console.error(message); });

export async function open({ connections }) {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: connections });
  pool.on('error', (error) => { throw error; });
  const utils = await makeWorkerUtils({ pgPool: pool, logger: quiet });
  await utils.migrate();
  let runner;
  return {
    add: (data) => utils.addJob('none', data),
    // What the package's own addJob calls, with more than one row.
    addBulk: (all) => pool.query(
      `select count(*) from graphile_worker.add_jobs(array(
         select json_populate_record(null::graphile_worker.job_spec, one) from json_array_elements($1::json) one))`,
      [JSON.stringify(all.map((data) => ({ identifier: 'none', payload: data })))]),
    left: async () => Number((await pool.query('select count(*) from graphile_worker._private_jobs')).rows[0].count),
    async work({ concurrency }, count) {
      const events = new EventEmitter();
      events.on('job:complete', ({ error }) => {  // its row is gone
        if (error) throw error;
        count.end();
      });
      runner = await run({ pgPool: pool, concurrency, events, logger: quiet, noHandleSignals: true,
                           taskList: { none: (data) => { count.begin(data); } } });
    },
    rest: () => runner.stop(),
    async close() {
      await utils.release();
      await pool.end();
    },
  };
}
