// SPDX-License-Identifier: Apache-2.0
// pg-boss on PostgreSQL. Its own `work` looks at most twice a second and would be measured by that; here as many loops
// as are to be at work at a time take a job (batch=N: so many at once) and end it, without pauses.
import PgBoss from 'pg-boss';

const queueName = 'bench';

export async function open({ connections }) {
  const boss = new PgBoss({ connectionString: process.env.DATABASE_URL, max: connections, supervise: false, schedule: false });
  boss.on('error', (error) => { throw error; });
  await boss.start();
  await boss.createQueue(queueName);
  let loops = [];
  return {
    add: (data) => boss.send(queueName, data),
    addBulk: (all) => boss.insert(all.map((data) => ({ name: queueName, data }))),
    left: () => boss.getQueueSize(queueName, { before: 'completed' }),
    async work({ concurrency, batch, n }, count) {
      const loop = async () => {
        while (count.begun < n) {
          const jobs = await boss.fetch(queueName, { batchSize: batch });
          if (jobs.length === 0) {
            await new Promise((resolve) => { setTimeout(resolve, 5); });
            continue;
          }
          for (const job of jobs) count.begin(job.data);
          await boss.complete(queueName, jobs.map((job) => job.id));
          count.end(jobs.length);
        }
      };
      loops = Array.from({ length: Math.max(1, Math.floor(concurrency / batch)) }, loop);
    },
    rest: () => Promise.all(loops),
    close: () => boss.stop({ graceful: false }),
  };
}
