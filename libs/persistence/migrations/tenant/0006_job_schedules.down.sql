drop table job_schedules;
