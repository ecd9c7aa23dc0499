drop function note_event(text, json, text, smallint, integer);
drop table webhook_deliveries;
drop table webhooks;
drop function new_id();
