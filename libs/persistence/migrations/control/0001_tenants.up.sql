-- Where tenants live, and what is known about each of them.
create table servers (
    id integer primary key generated always as identity,
    name text not null unique check (name ~ '^[a-z][a-z0-9-]{0,38}$'),
    host text,  -- null: the server of this control database
    port integer check (port between 1 and 65535),
    created_at timestamptz(3) not null default now(),
    check (host is not null or port is null)
);

insert into servers (name) values ('control');

create table tenants (
    id uuid primary key,
    slug text not null unique check (slug ~ '^[a-z][a-z0-9-]{1,38}$'),
    name text not null check (char_length(name) between 1 and 200),
    status text not null default 'provisioning'
        check (status in ('provisioning', 'active', 'suspended', 'deleting')),
    server_id integer not null references servers (id),
    database text not null,
    role_name text not null,
    role_password_sealed text not null,
    schema_version bigint not null default 0,
    key_version integer not null default 1,  -- raised to make every access token of the tenant invalid
    limits jsonb not null default '{}' check (jsonb_typeof(limits) = 'object'),
    created_at timestamptz(3) not null default now(),
    updated_at timestamptz(3) not null default now(),
    unique (server_id, database)
);

-- Every process keeps tenants in memory and forgets the one that is named here.
create function notify_tenant_changed() returns trigger language plpgsql as $$
begin
    perform pg_notify('bulkhead_tenants', coalesce(new.id, old.id)::text);
    return null;
end
$$;

create trigger tenant_changed after insert or update or delete on tenants
    for each row execute function notify_tenant_changed();
