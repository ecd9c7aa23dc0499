# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Background processes that are never mistaken for others, and free ports. Sourced by infra/dev and private-servers.
#
# A process is written down as "PID START BOOT INODE" before it becomes the program it is meant to be. A recycled pid has
# another start time and a copied pid file another inode: nothing foreign is ever signalled, not even after a crash,
# after a reboot, or from a copy of the checkout.

# process_stamp PID: prints START and BOOT of a live process; fails for a dead one or a zombie.
process_stamp() {
    local stat fields boot
    { stat=$(<"/proc/$1/stat") && boot=$(</proc/sys/kernel/random/boot_id); } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }"  # the name before it may contain blanks and brackets
    [[ ${fields[0]} != [ZX] ]] || return 1
    echo "${fields[19]} $boot"
}

# process_spawn PIDFILE LOG COMMAND...: starts COMMAND in a session of its own, with its output appended to LOG.
process_spawn() {
    local pidfile=$1 log=$2
    shift 2
    (
        self=$BASHPID  # within $( ) it would be another one
        : >"$pidfile.new"
        echo "$self $(process_stamp "$self") $(stat -c %i "$pidfile.new")" >"$pidfile.new"
        mv "$pidfile.new" "$pidfile"
        exec setsid "$@"
    ) </dev/null >>"$log" 2>&1 8>&- 9>&- &
    # The pid file exists when this returns, unless the process is gone already.
    local pid=$! recorded
    disown "$pid"  # no "Killed" messages from bash
    until { read -r recorded _ <"$pidfile"; } 2>/dev/null && [ "$recorded" = "$pid" ]; do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.01
    done
}

# process_pid PIDFILE: prints the pid if that very process is still alive.
process_pid() {
    local pid stamp
    [ -s "$1" ] && read -r pid stamp <"$1" || return 1
    [ "$(process_stamp "$pid") $(stat -c %i "$1")" = "$stamp" ] || return 1
    echo "$pid"
}

# process_stop PIDFILE SIGNAL SECONDS: asks, waits, and kills what is left after SECONDS (status 1 then).
process_stop() {
    local pidfile=$1 pid deadline code=0
    if pid=$(process_pid "$pidfile"); then
        kill "-$2" "$pid" 2>/dev/null || true
        deadline=$((SECONDS + $3))
        while process_pid "$pidfile" >/dev/null; do
            if [ "$SECONDS" -ge "$deadline" ]; then
                kill -KILL "$pid" 2>/dev/null || true
                deadline=$((SECONDS + 5)) code=1
            fi
            sleep 0.02
        done
    fi
    rm -f "$pidfile"
    return "$code"
}

# port_busy PORT: is anything listening on it, on any address? SO_REUSEPORT would let a bind succeed regardless.
port_busy() {
    awk -v port="$(printf '%04X' "$1")" \
        '$4 == "0A" && $2 ~ ":" port "$" { found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# port_free: prints a port nobody listens on, below the range the kernel gives to outgoing connections.
port_free() {
    local port
    while port=$((15000 + RANDOM % 17000)); do
        port_busy "$port" || break
    done
    echo "$port"
}

# random_text BYTES: hexadecimal, from the kernel.
random_text() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }
