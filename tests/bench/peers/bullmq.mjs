// SPDX-License-Identifier: Apache-2.0
// BullMQ on Redis: https://docs.bullmq.io. Nothing is kept of finished jobs.
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';

const options = { removeOnComplete: true, removeOnFail: true };

// `connection` makes one, for the queue and for the worker.
export async function openOn(connection) {
  const queue = new Queue('bench', { connection: connection(), defaultJobOptions: options });
  await queue.waitUntilReady();
  let worker;
  return {
    add: (data) => queue.add('none', data),
    addBulk: (all) => queue.addBulk(all.map((data) => ({ name: 'none', data, opts: options }))),
    left: async () => {
      const counts = await queue.getJobCounts();
      return Object.values(counts).reduce((sum, one) => sum + one, 0);
    },
    async work({ concurrency }, count) {
      const settings = { connection: connection(), concurrency, autorun: false };
      worker = new Worker('bench', async (job) => count.begin(job.data), settings);
      worker.on('completed', () => count.end());  // after the server's answer
      worker.on('failed', (job, error) => { throw error; });
      await worker.waitUntilReady();
      worker.run();
    },
    rest: () => worker.close(),
    close: () => queue.close(),
  };
}

export const open = () => openOn(() => new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null }));
