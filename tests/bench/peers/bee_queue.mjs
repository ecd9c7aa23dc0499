// SPDX-License-Identifier: Apache-2.0
// Bee-Queue on Redis, with all it can leave out left out: no events, nothing kept of finished jobs.
import BeeQueue from 'bee-queue';

export async function open() {
  const settings = {
    redis: process.env.REDIS_URL, getEvents: false, sendEvents: false, storeJobs: false, removeOnSuccess: true,
  };
  const queue = new BeeQueue('bench', { ...settings, isWorker: false });
  let worker;
  await queue.ready();
  return {
    add: (data) => queue.createJob(data).save(),
    async addBulk(all) {
      const errors = await queue.saveAll(all.map((data) => queue.createJob(data)));
      if (errors.size) throw [...errors.values()][0];
    },
    async left() {
      const health = await queue.checkHealth();
      return health.waiting + health.active + health.delayed + health.failed;
    },
    async work({ concurrency }, count) {
      worker = new BeeQueue('bench', settings);
      worker.on('succeeded', () => count.end());
      worker.on('error', (error) => { throw error; });
      await worker.ready();
      worker.process(concurrency, async (job) => count.begin(job.data));
    },
    rest: () => worker.close(),
    close: () => queue.close(),
  };
}
