-- Work to be done behind the requests. A row is written by the transaction that wants the work, and is the truth about
-- it; Redis only says whose turn it is, and may lose everything.
create table jobs (
    id uuid primary key,
    kind text not null check (kind ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$' and char_length(kind) <= 64),
    lane smallint not null check (lane between 0 and 2),                -- critical, default, bulk
    priority smallint not null default 1 check (priority between 0 and 2),  -- within the tenant: high, normal, low
    payload text not null check (octet_length(payload) <= 65536),       -- JSON, as it was given
    version smallint not null default 1,                                -- of the payload's shape
    user_id uuid,  -- on whose behalf; null: the system's. No foreign key: the record outlives the user
    run_at timestamptz not null default now(),
    state smallint not null default 0 check (state between 0 and 4),  -- waiting, running, succeeded, failed, cancelled
    unique_key text check (char_length(unique_key) between 1 and 200),
    attempt integer not null default 0,
    most_attempts integer not null check (most_attempts >= 1),
    fence bigint not null default 0,    -- raised with every claim: whoever has an older one can write nothing
    lost integer not null default 0,    -- workers that went away with it
    progress_percent smallint check (progress_percent between 0 and 100),
    progress_note text not null default '' check (char_length(progress_note) <= 200),
    checkpoint text check (octet_length(checkpoint) <= 65536),  -- JSON: where the next run goes on
    result text check (octet_length(result) <= 65536),          -- JSON
    errors jsonb not null default '[]' check (jsonb_typeof(errors) = 'array'),  -- of the latest runs
    cancel_requested boolean not null default false,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    check ((state >= 2) = (finished_at is not null))
-- Each row is written about three times and then left alone: room for new versions beside the old ones, and a vacuum
-- that comes while the dead rows are few.
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);

-- What is to be done, in each lane for itself: a lane full of work must not hide another's.
create index jobs_open on jobs (lane, run_at, id) where state in (0, 1);
-- At most one open job has a key.
create unique index jobs_unique on jobs (unique_key) where state in (0, 1) and unique_key is not null;
-- The lists: everybody's, and a user's own.
create index jobs_by_created_at on jobs (created_at desc, id desc);
create index jobs_of_user on jobs (user_id, created_at desc, id desc) where user_id is not null;
-- What is old enough to go.
create index jobs_by_finished_at on jobs (finished_at) where state >= 2;

-- Fails, and with it the transaction, unless the job is still being run under this fence; else keeps others from
-- claiming it until the end of the transaction. SQLSTATE JF001 is the queue's own, see postgres/sqlstate.cpp.
create function hold_job(job_id uuid, job_fence bigint) returns void language plpgsql as $$
begin
    perform from jobs where id = job_id and fence = job_fence and state = 1 for update;
    if not found then
        raise exception 'the job is not this worker''s any more' using errcode = 'JF001';
    end if;
end
$$;
