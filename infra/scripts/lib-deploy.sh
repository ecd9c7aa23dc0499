# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What migrate, deploy, rollback and receive-deploy share. Sourced by them; they set $me, and $dry_run once they know.
#
# Settings: COMPOSE (docker compose), CONTAINER_ENGINE (docker), COMPOSE_PROJECT_NAME and what docker-compose.yml reads. .env
# remembers what runs: BULKHEAD_TAG; BULKHEAD_TAG_BEFORE, to which rollback goes; and while programs are being replaced
# BULKHEAD_TAG_COMING, so that whoever comes after a deploy that was killed knows.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
read -ra compose_command <<<"${COMPOSE:-docker compose}"
case ${compose_command[0]} in
    podman*) read -ra engine <<<"${CONTAINER_ENGINE:-podman}" ;;
    *) read -ra engine <<<"${CONTAINER_ENGINE:-docker}" ;;
esac
dry_run=false
cd "$top" || exit 1

# A terminal or a connection that has gone away is no reason to stop half-way.
say() { echo "$me: $*" || true; }
die() { echo "$me: $*" >&2 || true; exit 1; }
misuse() { echo "$me: $*; see --help" >&2; exit 2; }

# compose TAG ARGUMENT...: Compose, where TAG is the version of our images, for at most $within seconds.
compose() {
    BULKHEAD_TAG=$1 timeout --kill-after=10 "${within:-300}" "${compose_command[@]}" --profile edge "${@:2}" </dev/null 9>&-
}

# once TAG ARGUMENT...: runs a service that ends by itself, without a terminal, and leaves no container.
once() { compose "$1" run --rm -T --no-deps "${@:2}"; }

# act WHAT COMMAND...: says WHAT and does COMMAND, unless this is a dry run.
act() {
    say "$1"
    if ! "$dry_run"; then "${@:2}"; fi
}

# remembered NAME: its value in .env, empty when there is none.
remembered() { if [ -f .env ]; then sed -n "s/^$1=//p" .env | tail -n 1 | tr -d "\"'\r"; fi; }

# remember NAME=VALUE...: in .env, all at once; its other lines stay as they are, and an empty VALUE takes the line out.
remember() {
    local pair names=()
    for pair in "$@"; do names+=(-e "^${pair%%=*}="); done
    touch .env
    {
        grep -v "${names[@]}" .env || true
        for pair in "$@"; do if [ -n "${pair#*=}" ]; then echo "$pair"; fi; done
    } >.env.new
    chmod --reference=.env .env.new
    mv .env.new .env
}

current_tag() {
    local tag
    tag=${BULKHEAD_TAG:-$(remembered BULKHEAD_TAG)}
    echo "${tag:-local}"
}

# One at a time, with tools that work.
prepare() {
    local command
    for command in "${compose_command[*]} version" "${engine[*]} version"; do
        # shellcheck disable=SC2086 # words are meant
        timeout 60 $command >/dev/null 2>&1 </dev/null ||
            die "\"${command% version}\" does not work here: install Docker with Compose, or set COMPOSE and CONTAINER_ENGINE"
    done
    [ -d .secrets ] || die "there is no stack here yet: ${compose_command[*]} --profile edge up -d makes one"
    exec 9>.secrets/deploy.lock
    flock -n 9 || die "another deploy is at work here"
}

# healthy TAG SERVICE: the program in the container says so itself.
healthy() {
    local program=$2
    if [[ $program == api* ]]; then program=api; fi
    within=30 compose "$1" exec -T "$2" "bulkhead-$program" --healthcheck >/dev/null 2>&1
}

# How long a new version may take to be healthy and to pass the verification, in seconds; what ran before has longer.
patience=${DEPLOY_PATIENCE:-90}
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
    within=30 compose "$(current_tag)" exec -T nginx curl -fsS -m 5 -o /dev/null "http://replica-$1:8000/health/ready" >/dev/null 2>&1
}

# The stack as the public meets it, on the address that nginx is published on.
verify_edge() {
    local address
    answers 1 && answers 2 || return 1
    address=$(within=30 compose "$(current_tag)" port nginx 8443 2>/dev/null | head -n 1)
    case $address in
        0.0.0.0:* | '[::]:'* | :::*) address=127.0.0.1:${address##*:} ;;
    esac
    [ -n "$address" ] && curl -fsSk -m 10 -o /dev/null "https://$address/health"
}

# verified COMMAND: also by COMMAND, if it is not empty. Not at once, since nginx tries a replica that was away again after some seconds, and a busy machine
# takes its time.
verified() {
    local deadline=$((SECONDS + patience))
    until verify_edge && { [ -z "$1" ] || timeout --kill-after=5 60 bash -c "$1" </dev/null 9>&-; }; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 1
    done
}

# replace TAG SERVICE SECONDS: its container becomes one of TAG; fails unless that is healthy in the end.
replace() {
    local old problem
    # Away first, whatever state it is in: one that dies and is started anew again and again would keep its address.
    old=$(within=30 compose "$1" ps -a -q "$2" 2>/dev/null) || true
    compose "$1" stop "$2" >/dev/null 2>&1 || true
    # shellcheck disable=SC2086 # one word each
    if [ -n "$old" ]; then timeout 120 "${engine[@]}" rm -f $old >/dev/null 2>&1 || true; fi
    if ! problem=$(compose "$1" up -d --no-deps --no-build "$2" 2>&1); then
        say "$2 as $1 does not start: $(tail -n 3 <<<"$problem" | tr '\n' ' ')" >&2
        return 1
    fi
    wait_healthy "$1" "$2" "$3"
}

# bring_back TAG SERVICE...: each becomes one of TAG, which ran before.
bring_back() {
    local service
    for service in "${@:2}"; do
        if ! replace "$1" "$service" "$patience_with_known"; then
            say "$service does not come back as $1: ${compose_command[*]} logs $service" >&2
            return 1
        fi
    done
}

# sick_first TAG: all that is replaced, in the order that leaves a replica of the API to serve.
sick_first() {
    if healthy "$1" api && ! healthy "$1" api-2; then echo api-2 api worker; else echo api api-2 worker; fi
}

# image_of TAG PROGRAM: its name as Compose understands it, with BULKHEAD_IMAGES from wherever that comes.
image_of() {
    local config
    config=$(within=60 compose "$1" config 2>/dev/null) || die "${compose_command[*]} config fails: see what it says"
    tr -d "\"'" <<<"$config" | sed -nE "s/^ +image: +(.*-$2:.*)$/\1/p" | head -n 1
}

# require_images TAG PROGRAM...: they are here and run. Compose would build what is missing from this checkout, under that name.
require_images() {
    local program image
    for program in "${@:2}"; do
        image=$(image_of "$1" "$program")
        timeout 60 "${engine[@]}" image inspect "$image" >/dev/null 2>&1 </dev/null ||
            die "the image $image is not here: build or pull it first"
        once "$1" --entrypoint "bulkhead-$program" "${service_of[$program]}" --version >/dev/null 2>&1 ||
            die "the image $image does not run here"
    done
}
declare -A service_of=([api]=check-api [worker]=check-worker [migrator]=migrator)

# check_settings TAG: hands out the secrets that these programs read, and asks them what they say to their settings.
check_settings() {
    local service out
    out=$(once "$1" secrets 2>&1) || die "the secrets cannot be handed out: $(tail -n 1 <<<"$out")"
    for service in check-api check-worker; do
        out=$(once "$1" "$service" --check-config 2>&1 >/dev/null) ||
            die "$service refuses the configuration: $(grep -v '^warning' <<<"$out" | head -n 3 | tr '\n' ' ')"
    done
}

# However long it takes, until somebody interrupts it.
run_migrator() {
    BULKHEAD_TAG=$1 "${compose_command[@]}" --profile edge run --rm -T --no-deps --entrypoint bulkhead-migrator migrator \
        "${@:2}" </dev/null 9>&-
}
