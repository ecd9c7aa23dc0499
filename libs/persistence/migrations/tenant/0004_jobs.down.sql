drop function hold_job(uuid, bigint);
drop table jobs;
