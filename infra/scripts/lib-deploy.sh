# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What migrate, deploy and rollback share. Sourced by them; they set $me, and $dry_run once they know.
#
# Settings: COMPOSE (docker compose), COMPOSE_PROJECT_NAME and what docker-compose.yml reads. .env remembers what runs:
# BULKHEAD_TAG, and BULKHEAD_TAG_BEFORE, to which rollback goes.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
read -ra compose_command <<<"${COMPOSE:-docker compose}"
# shellcheck disable=SC2034 # for those who source this
replicas=(api api-2)
dry_run=false
cd "$top" || exit 1

say() { echo "$me: $*"; }
die() { echo "$me: $*" >&2; exit 1; }
misuse() { echo "$me: $*; see --help" >&2; exit 2; }

# compose TAG ARGUMENT...: Compose, where TAG is the version of our images.
compose() {
    local tag=$1
    shift
    BULKHEAD_TAG=$tag "${compose_command[@]}" --profile edge "$@"
}

# act WHAT COMMAND...: says WHAT and does COMMAND, unless this is a dry run.
act() {
    say "$1"
    if ! "$dry_run"; then "${@:2}"; fi
}

# remembered NAME: its value in .env, empty when there is none.
remembered() { if [ -f .env ]; then sed -n "s/^$1=//p" .env | tail -n 1; fi; }

# remember NAME=VALUE...: in .env, whose other lines stay as they are.
remember() {
    local pair
    touch .env
    for pair in "$@"; do
        { grep -v "^${pair%%=*}=" .env || true; echo "$pair"; } >.env.new
        chmod --reference=.env .env.new
        mv .env.new .env
    done
}

current_tag() {
    local tag
    tag=${BULKHEAD_TAG:-$(remembered BULKHEAD_TAG)}
    echo "${tag:-local}"
}

check_tools() {
    "${compose_command[@]}" version >/dev/null 2>&1 ||
        die "\"${compose_command[*]}\" does not work here: install Docker Compose, or set COMPOSE"
}

# healthy TAG SERVICE: the program in the container says so itself.
healthy() {
    local program=$2
    if [[ $program == api* ]]; then program=api; fi
    compose "$1" exec -T "$2" "bulkhead-$program" --healthcheck >/dev/null 2>&1 </dev/null
}

# How long a new version may take to be healthy and to pass the verification, in seconds; what ran before has longer.
patience=${DEPLOY_PATIENCE:-90}
# shellcheck disable=SC2034 # for those who source this
patience_with_known=300

# wait_healthy TAG SERVICE SECONDS: three times in a row, in that time.
wait_healthy() {
    local deadline=$((SECONDS + $3)) good=0
    while [ "$good" -lt 3 ]; do
        if healthy "$1" "$2"; then good=$((good + 1)); else good=0; fi
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.5
    done
}

# answers NUMBER: the replica of that number, asked by nginx itself, which would go around it otherwise.
answers() {
    compose "$(current_tag)" exec -T nginx curl -fsS -m 5 -o /dev/null "http://replica-$1:8000/health/ready" >/dev/null 2>&1 </dev/null
}

# The stack as the public meets it, and whatever else $verify says.
verify_edge() {
    local port=${EDGE_HTTPS_PORT:-$(remembered EDGE_HTTPS_PORT)}
    answers 1 && answers 2 || return 1
    curl -fsSk -m 10 -o /dev/null "https://127.0.0.1:${port:-443}/health" || return 1
    [ -z "${verify:-}" ] || bash -c "$verify"
}

# Not at once: nginx tries a replica that was away again after some seconds, and a busy machine takes its time.
verified() {
    local deadline=$((SECONDS + patience))
    until verify_edge; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 1
    done
}

# replace TAG SERVICE SECONDS: its container becomes one of TAG; fails unless that is healthy in the end.
replace() {
    # Away first: a container that dies and is started anew again and again would keep its address.
    compose "$1" rm -s -f "$2" >/dev/null 2>&1 || true
    compose "$1" up -d --no-deps --no-build "$2" >/dev/null 2>&1 || return 1
    wait_healthy "$1" "$2" "$3"
}

require_images() {
    local program image
    for program in api worker migrator; do
        image=${BULKHEAD_IMAGES:-$(remembered BULKHEAD_IMAGES)}
        image=${image:-bulkhead}-$program:$1
        # It runs and says its version: that is more than being there.
        compose "$1" run --rm --no-deps --entrypoint "bulkhead-$program" "${service_of[$program]}" --version >/dev/null 2>&1 ||
            die "the image $image is not here or does not run: build or pull it first"
    done
}
declare -A service_of=([api]=check-api [worker]=check-worker [migrator]=migrator)

# check_settings TAG: what the new programs say to the settings that they would get.
check_settings() {
    local service out
    for service in check-api check-worker; do
        out=$(compose "$1" run --rm --no-deps "$service" --check-config 2>&1 >/dev/null) ||
            die "$service refuses the configuration: $(grep -v '^warning' <<<"$out" | head -n 3 | tr '\n' ' ')"
    done
}

run_migrator() { compose "$1" run --rm --no-deps --entrypoint bulkhead-migrator migrator "${@:2}" </dev/null; }
