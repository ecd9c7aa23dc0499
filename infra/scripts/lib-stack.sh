# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The running stack: private PostgreSQL and Redis, one API, one worker. Sourced by infra/dev, which sets $top (the checkout),
# $state ($top/.dev) and die().
#
#   .dev/secrets         made once; delete .dev to start afresh
#   .dev/servers         data and logs of PostgreSQL and Redis (infra/scripts/private-servers)
#   .dev/run             pid files, and stack.env: what `infra/dev env` prints
#   .dev/logs            logs of the programs; NAME.log.1 is the run before
bin=$top/build/release/bin
servers=$state/servers
demo_email=demo@example.com

# ---- Settings -----------------------------------------------------------------------------------------------------

make_secrets() {
    local old
    old=$(umask)
    umask 077
    [ -s "$state/demo-password" ] || random_text 12 >"$state/demo-password"
    if [ ! -s "$state/secrets" ]; then
        cat >"$state/secrets.new" <<END
JWT_SECRET=$(random_text 32)
PLATFORM_ADMIN_TOKEN=$(random_text 32)
DATA_KEY=$(head -c 32 /dev/urandom | base64 -w 0)
END
        mv "$state/secrets.new" "$state/secrets"
    fi
    umask "$old"
}

# setting NAME...: the value the environment gives to the first of these names (a setting and its aliases), NAME_FILE included.
setting() {
    local name file
    for name in "$@"; do
        file=${name}_FILE
        if [ -n "${!name:-}" ]; then
            echo "${!name}"
            return 0
        elif [ -n "${!file:-}" ]; then
            cat "${!file}"
            return 0
        fi
    done
    return 1
}

# What the caller's environment says wins, except for where the databases are: those are always the private ones.
export_settings() {
    local line name
    unset DATABASE_URL_FILE REDIS_URL_FILE BULKHEAD_URL BULKHEAD_OPS_URL BULKHEAD_WORKER_OPS_URL BULKHEAD_BIN
    while read -r line; do export "${line?}"; done <"$servers/env"
    while read -r line; do
        name=${line%%=*}
        case $name in
            JWT_SECRET) setting JWT_SECRET JWT_SECRET_KEY SECRET_KEY BETTER_AUTH_SECRET >/dev/null || export "${line?}" ;;
            *) setting "$name" >/dev/null || export "${line?}" ;;
        esac
    done <"$state/secrets"
    # Said in full, so that a migrator that is run elsewhere purges the same files.
    setting STORAGE_URL >/dev/null || export STORAGE_URL="file://$state/storage"
    # Not for the neighbours: the demo data and the platform API are open to whoever has the secrets of this checkout.
    setting BIND_ADDRESS >/dev/null || export BIND_ADDRESS=127.0.0.1
}

# A port that was asked for is used, or nothing is.
check_given_ports() {
    local name
    for name in PORT OPS_PORT; do
        if [[ ${!name:-} =~ ^[0-9]+$ ]] && port_busy "${!name}"; then
            die "port ${!name} ($name) is in use: choose another, or leave $name unset to get a free one"
        fi
    done
}

# choose_port GIVEN DEFAULT TAKEN...: sets `port`: GIVEN and no other, or DEFAULT, or any that is free and not TAKEN.
choose_port() {
    local given=$1
    port=$2
    shift 2
    if [[ $given =~ ^[0-9]+$ ]]; then
        port=$given
        return 0
    fi
    while port_busy "$port" || [[ " $* " == *" $port "* ]]; do port=$(port_free); done
}

write_stack_env() {
    rm -f "$state/run/stack.env"
    (
        umask 077
        printf 'export %s=%q\n' >"$state/run/stack.env" \
            DATABASE_URL "$DATABASE_URL" \
            REDIS_URL "$REDIS_URL" \
            BULKHEAD_URL "http://127.0.0.1:$api_port" \
            BULKHEAD_OPS_URL "http://127.0.0.1:$api_ops_port" \
            BULKHEAD_WORKER_OPS_URL "http://127.0.0.1:$worker_ops_port" \
            BULKHEAD_BIN "$bin" \
            PLATFORM_ADMIN_TOKEN "$(setting PLATFORM_ADMIN_TOKEN)" \
            JWT_SECRET "$(setting JWT_SECRET JWT_SECRET_KEY SECRET_KEY BETTER_AUTH_SECRET)" \
            DATA_KEY "$(setting DATA_KEY)" \
            STORAGE_URL "$(setting STORAGE_URL)"
    )
}

# ---- Starting -----------------------------------------------------------------------------------------------------

# launch NAME NAME=VALUE...: starts bulkhead-NAME with these settings on top.
launch() {
    local name=$1 log=$state/logs/$1.log
    shift
    if [ -e "$log" ]; then mv "$log" "$log.1"; fi
    process_spawn "$state/run/$name.pid" "$log" env "$@" "$bin/bulkhead-$name"
}

wait_until_ready() {  # NAME URL
    local deadline=$((SECONDS + 60))
    until curl -fsS -m 2 -o /dev/null "$2/health/ready" 2>/dev/null; do
        if ! process_pid "$state/run/$1.pid" >/dev/null; then
            tail -n 5 "$state/logs/$1.log" >&2
            die "bulkhead-$1 ended; its log: $state/logs/$1.log"
        fi
        [ "$SECONDS" -lt "$deadline" ] || die "bulkhead-$1 is not ready after 60 s; its log: $state/logs/$1.log"
        sleep 0.1
    done
}

migrate() { "$bin/bulkhead-migrator" "$@"; }

prepare_databases() {
    migrate up && migrate tenant create default --name Default --if-absent \
        --owner-email "$demo_email" --owner-name Demo --owner-password-file "$state/demo-password"
}

start_programs() {
    local port api_port api_ops_port worker_ops_port
    # One checkout at a time looks for ports: the API's listeners share theirs, so that a clash would go unnoticed.
    exec 8</var/tmp
    flock -w 120 8 || die "another checkout is starting and does not come to an end"
    check_given_ports
    choose_port "${PORT:-}" 8000
    api_port=$port
    choose_port "${OPS_PORT:-}" 9000 "$api_port"
    api_ops_port=$port
    choose_port '' 9001 "$api_port" "$api_ops_port"
    worker_ops_port=$port
    launch api "PORT=$api_port" "OPS_PORT=$api_ops_port"
    launch worker "OPS_PORT=$worker_ops_port"
    wait_until_ready api "http://127.0.0.1:$api_port"
    wait_until_ready worker "http://127.0.0.1:$worker_ops_port"
    write_stack_env
    exec 8<&-
}

# Everything but the build. What an earlier, killed `up` left half done is stopped first; its data stay.
start_stack() {
    local begun=$SECONDS
    mkdir -p "$state/run" "$state/logs"
    make_secrets
    stop_programs
    "$top/infra/scripts/private-servers" start "$servers" || die "PostgreSQL or Redis does not start"
    export_settings
    quietly "migrating" "$state/logs/migrator.log" prepare_databases || die "the databases could not be prepared"
    start_programs
    echo "started in $((SECONDS - begun)) s"
}

# ---- Looking and stopping -----------------------------------------------------------------------------------------

stack_running() {
    [ -s "$state/run/stack.env" ] && process_pid "$state/run/api.pid" >/dev/null &&
        process_pid "$state/run/worker.pid" >/dev/null && "$top/infra/scripts/private-servers" status "$servers" >/dev/null
}

stop_programs() {
    local name code=0
    for name in api worker; do
        process_stop "$state/run/$name.pid" TERM 40 || code=1
    done
    rm -f "$state/run/stack.env"
    return "$code"
}

stop_stack() {
    local code=0
    stop_programs || code=1
    "$top/infra/scripts/private-servers" stop "$servers" >/dev/null || code=1
    return "$code"
}

show_status() {
    local name pid code=0 BULKHEAD_URL='' BULKHEAD_WORKER_OPS_URL='' url health
    # shellcheck disable=SC1091
    if [ -s "$state/run/stack.env" ]; then . "$state/run/stack.env"; fi
    "$top/infra/scripts/private-servers" status "$servers" || code=1
    for name in api worker; do
        if [ "$name" = api ]; then url=$BULKHEAD_URL; else url=$BULKHEAD_WORKER_OPS_URL; fi
        if pid=$(process_pid "$state/run/$name.pid"); then
            health=$(curl -sS -m 3 -o /dev/null -w '%{http_code}' "$url/health/ready" 2>/dev/null) || true
            if [ "$health" = 200 ]; then health=ready; else health="not ready" code=1; fi
            echo "$name running, pid $pid, $url, $health"
        else
            echo "$name stopped"
            code=1
        fi
    done
    return "$code"
}

show_summary() {
    # shellcheck disable=SC1091
    . "$state/run/stack.env"
    cat <<END

API         $BULKHEAD_URL
Swagger UI  $BULKHEAD_URL/api-docs
operations  $BULKHEAD_OPS_URL/metrics (API)  $BULKHEAD_WORKER_OPS_URL/metrics (worker)
demo user   $demo_email, the owner of the tenant "default"; password in .dev/demo-password

To try it, paste:

BASE=$BULKHEAD_URL
TOKEN=\$(curl -sS \$BASE/api/auth/signup -H 'Content-Type: application/json' \\
  -d '{"email":"ada.'\$RANDOM'@example.com","password":"correct horse battery","name":"Ada"}' |
  sed -n 's/.*"access_token":"\\([^"]*\\)".*/\\1/p')
curl -sS \$BASE/api/tasks -H "Authorization: Bearer \$TOKEN" -H 'Content-Type: application/json' \\
  -d '{"title":"Paint the hull","priority":"high"}'; echo
curl -sS "\$BASE/api/tasks?limit=20" -H "Authorization: Bearer \$TOKEN"; echo

END
}

# Shows the logs until something stops the stack: Ctrl-C (the caller's trap), `infra/dev down` elsewhere, or a crash.
follow_stack() {
    echo "Ctrl-C stops everything."
    # It dies with this shell, also when that is killed.
    setpriv --pdeathsig TERM tail -q -n 0 -F "$state/logs/api.log" "$state/logs/worker.log" 2>/dev/null &
    follower=$!
    while [ -e "$state/run/stack.env" ]; do
        if ! stack_running; then
            # `down` removes stack.env a moment after the programs have ended.
            sleep 1
            [ ! -e "$state/run/stack.env" ] || die "a part of the stack has ended by itself: see infra/dev status and infra/dev logs"
        fi
        sleep 1 &
        wait $!
    done
    echo "Stopped from elsewhere."
}
