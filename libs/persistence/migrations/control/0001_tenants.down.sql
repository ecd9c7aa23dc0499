drop table tenants;
drop function notify_tenant_changed();
drop table servers;
