-- What a tenant needs beyond being there: an owner of its schema, a life with an end, limits, and a record of the
-- work that is done on it.

alter table servers
    add column sslmode text,                -- null: that of the control database
    add column admin_user text,             -- null: the login of the control database
    add column admin_password_sealed text,  -- sealed with the context server/<name>
    add column pooler_host text,            -- a PgBouncer in front of it, for requests
    add column pooler_port integer check (pooler_port between 1 and 65535),
    add column accepts_tenants boolean not null default true,
    add check ((admin_user is null) = (admin_password_sealed is null));

alter table tenants drop constraint tenants_status_check;
update tenants set status = 'deleted' where status = 'deleting';
alter table tenants
    add constraint tenants_status_check check
        (status in ('provisioning', 'active', 'suspended', 'maintenance', 'deleted', 'purging')),
    -- The role that owns the database and changes its schema; null: made before there was one.
    add column owner_role text,
    add column owner_password_sealed text,  -- sealed with the context <tenant id>/owner
    add column status_before text,          -- what maintenance or deletion interrupted
    add column deleted_at timestamptz(3),
    add column purge_after timestamptz(3),
    add column storage_bytes bigint not null default 0,  -- as last measured
    add column measured_at timestamptz(3),
    add column revision bigint not null default 0,  -- counts the changes that are announced
    add check ((deleted_at is null) = (purge_after is null));

-- Databases made in advance. One is claimed by moving its row into tenants, with its id.
create table spare_databases (
    id uuid primary key,
    server_id integer not null references servers (id),
    database text not null unique,
    role_name text not null,
    role_password_sealed text not null,
    owner_role text not null,
    owner_password_sealed text not null,
    schema_version bigint not null,
    ready boolean not null default false,  -- false: being made, or left behind by a run that was killed
    created_at timestamptz(3) not null default now()
);

-- Long work on tenants. Whoever holds the advisory lock of a row works on it; a row that is not finished and not
-- locked was left behind and is taken up again.
create table operations (
    id uuid primary key,
    kind text not null check (kind in ('create', 'clone', 'import', 'move', 'delete', 'undelete', 'purge')),
    tenant_id uuid not null,  -- no foreign key: the record outlives the tenant
    slug text not null,
    state text not null default 'pending'
        check (state in ('pending', 'running', 'undoing', 'succeeded', 'failed')),
    step text not null default '',  -- the last one that is done
    attempt integer not null default 0,
    input jsonb not null default '{}',     -- what was asked for; secrets in it are sealed, and removed at the end
    progress jsonb not null default '{}',  -- what later steps need to know of earlier ones
    error text,
    actor text not null,
    created_at timestamptz(3) not null default now(),
    updated_at timestamptz(3) not null default now(),
    finished_at timestamptz(3)
);
-- One work at a time on a tenant.
create unique index operations_unfinished on operations (tenant_id) where finished_at is null;
create index operations_of_tenant on operations (tenant_id, created_at);

-- Who did what to which tenant. Rows are never changed.
create table platform_audit (
    id bigint primary key generated always as identity,
    at timestamptz(3) not null default now(),
    actor text not null,
    action text not null,
    tenant_id uuid,
    slug text,
    detail jsonb not null default '{}'
);
create index platform_audit_of_tenant on platform_audit (tenant_id, id);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only';
end
$$;
create trigger append_only before update or delete or truncate on platform_audit
    for each statement execute function refuse_change();

-- The payload says enough to act at once, or not to: "<id> <status> <revision>". A measured size is not worth waking
-- anybody.
create function count_revision() returns trigger language plpgsql as $$
begin
    new.revision := old.revision + 1;
    return new;
end
$$;
create trigger tenant_revised
    before update of slug, name, status, server_id, database, role_name, role_password_sealed, schema_version,
        key_version, limits on tenants
    for each row execute function count_revision();

create or replace function notify_tenant_changed() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        perform pg_notify('bulkhead_tenants', old.id || ' purging ' || old.revision + 1);
    else
        perform pg_notify('bulkhead_tenants', new.id || ' ' || new.status || ' ' || new.revision);
    end if;
    return null;
end
$$;
drop trigger tenant_changed on tenants;
create trigger tenant_changed
    after insert or delete or update of slug, name, status, server_id, database, role_name, role_password_sealed,
        schema_version, key_version, limits on tenants
    for each row execute function notify_tenant_changed();
