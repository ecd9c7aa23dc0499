-- A UUIDv7 (RFC 9562 section 5.7), for statements that make rows of what they find.
create function new_id() returns uuid language sql volatile as $$
    select encode(set_bit(set_bit(overlay(
        uuid_send(gen_random_uuid()) placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
        from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- URLs that are told what happens in the tenant.
create table webhooks (
    id uuid primary key,
    url text not null check (char_length(url) between 1 and 2048),
    events text[] not null check (cardinality(events) between 1 and 16),
    description text not null default '' check (char_length(description) <= 500),
    sealed_secret text not null,  -- with the data key
    created_by uuid references users (id) on delete set null,
    created_at timestamptz not null default now(),
    failing_since timestamptz,    -- null: the latest call succeeded, or there was none
    disabled_at timestamptz,      -- null: it is called
    disabled_reason text check (char_length(disabled_reason) <= 500),
    check ((disabled_at is null) = (disabled_reason is null))
);

-- What they were told, or are to be. Written by the transaction of what happened, together with the job that tells it;
-- until it is finished the job says how far it is.
create table webhook_deliveries (
    id uuid primary key,  -- of the job
    webhook_id uuid not null references webhooks (id) on delete cascade,
    repeats uuid,         -- the delivery that first had this message; null: this one
    event text not null,
    body text not null,   -- as it is sent, byte for byte
    attempts integer not null default 0,
    last_status smallint,  -- of HTTP; null: no answer
    last_error text check (char_length(last_error) <= 500),
    last_duration_ms integer,
    last_response text check (octet_length(last_response) <= 4096),  -- the beginning of the answer's body
    last_attempt_at timestamptz,
    created_at timestamptz not null default now(),
    succeeded boolean,     -- null: not finished
    finished_at timestamptz,
    check ((succeeded is null) = (finished_at is null))
);

create index webhook_deliveries_of on webhook_deliveries (webhook_id, id desc);
create index webhook_deliveries_by_created_at on webhook_deliveries (created_at);

-- Notes what has happened for every webhook that listens: a delivery each, and the job that makes it. Gives their ids
-- with commas between. The rows of the webhooks are held, so that none of them goes away meanwhile.
create function note_event(name text, data json, job_kind text, job_lane smallint, job_attempts integer) returns text
language plpgsql volatile as $$
declare
    ids text;
begin
    with told as (
        insert into webhook_deliveries (id, webhook_id, event, body)
        select new_id(), w.id, name, json_build_object('type', name, 'timestamp',
            to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'data', data)::text
        from webhooks w where w.disabled_at is null and name = any (w.events) for key share
        returning id
    ), queued as (
        insert into jobs (id, kind, lane, payload, most_attempts)
        select told.id, job_kind, job_lane, '{}', job_attempts from told returning jobs.id
    )
    select string_agg(queued.id::text, ',') from queued into ids;
    return ids;
end
$$;
