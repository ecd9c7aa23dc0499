// SPDX-License-Identifier: Apache-2.0
// BullMQ on PostgreSQL.
import { createPostgresBackend, setDefaultBackendFactory } from 'bullmq';
import { openOn } from './bullmq.mjs';

export function open({ connections }) {
  setDefaultBackendFactory(createPostgresBackend);
  return openOn(() => ({ connectionString: process.env.DATABASE_URL, max: connections, migrate: true }));
}
