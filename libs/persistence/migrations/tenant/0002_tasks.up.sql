create table tasks (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    title text not null check (char_length(title) between 1 and 200),
    description text not null default '' check (char_length(description) <= 10000),
    completed boolean not null default false,
    priority smallint not null default 1 check (priority between 0 and 2),  -- low, medium, high
    due_at timestamptz,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- One for each order a list can have; the id makes every order total, so that pages neither repeat nor skip a row.
create index tasks_by_created_at on tasks (user_id, created_at desc, id desc);
create index tasks_by_due_at on tasks (user_id, due_at, id);
create index tasks_by_priority on tasks (user_id, priority, id);
create index tasks_by_title on tasks (user_id, title, id);
