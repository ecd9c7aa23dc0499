-- Up to when the times of schedules have been dealt with: what is later is still to be made a job of.
create table job_schedules (
    name text primary key,
    last_slot timestamptz not null
);
