drop trigger tenant_changed on tenants;
drop trigger tenant_revised on tenants;
drop function count_revision();
create or replace function notify_tenant_changed() returns trigger language plpgsql as $$
begin
    perform pg_notify('bulkhead_tenants', coalesce(new.id, old.id)::text);
    return null;
end
$$;
create trigger tenant_changed after insert or update or delete on tenants
    for each row execute function notify_tenant_changed();

drop table platform_audit;
drop function refuse_change();
drop table operations;
drop table spare_databases;

alter table tenants drop constraint tenants_status_check;
update tenants set status = 'suspended' where status = 'maintenance';
update tenants set status = 'deleting' where status in ('deleted', 'purging');
alter table tenants
    add constraint tenants_status_check check (status in ('provisioning', 'active', 'suspended', 'deleting')),
    drop column owner_role,
    drop column owner_password_sealed,
    drop column status_before,
    drop column deleted_at,
    drop column purge_after,
    drop column storage_bytes,
    drop column measured_at,
    drop column revision;
alter table servers
    drop column sslmode,
    drop column admin_user,
    drop column admin_password_sealed,
    drop column pooler_host,
    drop column pooler_port,
    drop column accepts_tenants;
