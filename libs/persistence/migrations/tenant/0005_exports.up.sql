-- Files that hold exports, each noted before it comes into being: one that no export has is left over from a run that
-- was cut short, or from a user who is gone, and is removed.
create table export_files (
    id uuid primary key,      -- its name in the storage
    export_id uuid not null,  -- whose file it was to become
    created_at timestamptz not null default now()
);

create index export_files_by_created_at on export_files (created_at, id);

-- Finished exports; until then an export is a job and nothing else. Written by the transaction that ends the job.
create table exports (
    id uuid primary key,  -- of the job that made it
    user_id uuid not null references users (id) on delete cascade,
    kind smallint not null check (kind = 0),                -- tasks
    format smallint not null check (format between 0 and 1),  -- csv, ndjson
    file uuid not null unique references export_files (id),
    row_count bigint not null check (row_count >= 0),
    bytes bigint not null check (bytes >= 0),
    created_at timestamptz not null,                 -- when it was asked for
    finished_at timestamptz not null default now(),
    expires_at timestamptz not null
);

create index exports_of_user on exports (user_id, finished_at desc, id desc);
create index exports_by_expiry on exports (expires_at);
