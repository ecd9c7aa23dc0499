-- What is left of records of work on tenants that were removed since they were old: how many there were.
create table operations_removed (
    kind text not null,
    state text not null,
    count bigint not null,
    primary key (kind, state)
);
create index operations_by_finished_at on operations (finished_at) where finished_at is not null;
