drop index operations_by_finished_at;
drop table operations_removed;
