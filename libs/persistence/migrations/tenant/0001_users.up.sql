create table users (
    id uuid primary key,
    email text not null unique check (email = lower(email) and char_length(email) between 3 and 254),
    name text not null,
    password_hash text not null,
    role text not null default 'member' check (role in ('owner', 'admin', 'member', 'viewer')),
    email_verified boolean not null default false,
    disabled boolean not null default false,
    created_at timestamptz not null default now(),
    last_login_at timestamptz
);
