-- Writes that were sent with an Idempotency-Key, and their answers, for a day or so.
create table idempotency_keys (
    user_id uuid not null,     -- 00000000-0000-0000-0000-000000000000: nobody was signed in
    operation text not null,   -- operationId of the route
    key text not null,
    status smallint not null,  -- of the answer
    answer text not null,      -- sealed, with a hash of the request: it may hold tokens that are kept nowhere else
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (user_id, operation, key)
);

create index idempotency_keys_by_expiry on idempotency_keys (expires_at);
