# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Packages and builds. Sourced by infra/dev, which sets $top (the checkout) and die().
package_list=$top/infra/packages/debian.txt

# debian_release: the column of the package list that fits this machine; a newer or derived one is taken for trixie.
debian_release() {
    if grep -qx 'VERSION_CODENAME=bookworm' /etc/os-release; then echo bookworm; else echo trixie; fi
}

# for_each_package SET FUNCTION: calls FUNCTION PACKAGE INSTEAD REASON for every row that `build`, `up` or `test` needs here;
# each of them needs what those before it do.
for_each_package() {
    local call=$2 here sets release set package instead reason
    case $1 in build) sets=' build ' ;; up) sets=' build up ' ;; test) sets=' build up test ' ;; *) die "no such set: $1" ;; esac
    here=$(debian_release)
    while read -r release set package instead reason; do
        [[ $release == any || $release == "$here" ]] || continue
        [[ $sets == *" $set "* ]] || continue
        "$call" "$package" "$instead" "$reason"
    done < <(grep -v '^#' "$package_list")
}

# have_package PACKAGE INSTEAD, after load_installed.
load_installed() { installed=$'\n'$(dpkg-query -W -f '${db:Status-Status} ${Package}\n'); }
have_package() {
    if [[ $2 == /* ]]; then
        ! compgen -G "$2" >/dev/null || return 0
    elif [ "$2" != - ]; then
        ! command -v "$2" >/dev/null || return 0
    fi
    [[ $installed == *$'\n'"installed $1"$'\n'* || $installed == *$'\n'"installed $1" ]]
}

note_missing() { have_package "$1" "$2" || missing+=("$1"); }

# ensure_packages up|test: installs what is missing; asks for nothing when all is there.
ensure_packages() {
    local missing=() installed='' become=()
    if ! command -v dpkg-query >/dev/null; then
        echo "This is no Debian: packages are yours to install ($package_list lists them)." >&2
        return 0
    fi
    load_installed
    for_each_package "$1" note_missing
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$EUID" -ne 0 ]; then
        become=(sudo)
        [ -t 0 ] || become=(sudo -n)  # nobody there to type a password
        "${become[@]}" true 2>/dev/null ||
            die "missing packages, and neither root nor sudo to install them: apt-get install --no-install-recommends ${missing[*]}"
    fi
    quietly "installing ${#missing[@]} packages" "$state/logs/packages.log" \
        "${become[@]}" "$top/infra/scripts/install-packages" "${missing[@]}"
}

# quietly WHAT LOG COMMAND...: one line with the time it took; when COMMAND fails, what it said last.
quietly() {
    local what=$1 log=$2 begun=$SECONDS
    shift 2
    mkdir -p "${log%/*}"
    printf '%s ... ' "$what"
    if "$@" >"$log" 2>&1 </dev/null; then
        echo "$((SECONDS - begun)) s"
        return 0
    fi
    echo "failed after $((SECONDS - begun)) s"
    # The first failed step of a build tells more than the last lines.
    { grep -m 1 -A 25 '^FAILED: ' "$log" || tail -n 25 "$log"; } >&2
    echo "The whole log: $log" >&2
    return 1
}

# As many compilers as cores, as far as there is 1.5 GiB of memory for each.
build_jobs() {
    local cores memory
    cores=$(nproc)
    memory=$(awk '/^MemAvailable/ { print int($2 / 1572864) }' /proc/meminfo)
    if [ "$memory" -lt "$cores" ]; then cores=$memory; fi
    if [ "$cores" -lt 1 ]; then cores=1; fi
    echo "$cores"
}

# trust_lock_files DIR...: unless npm has filled all of these already. `npm ci` checks every package against the SHA-512 of
# a lock file. Where a proxy re-signs TLS with an authority that this machine does not know, that has to do.
trust_lock_files() {
    local dir status=0
    for dir in "$@"; do
        if [ ! -d "$dir" ]; then
            curl -sS -m 10 -o /dev/null https://registry.npmjs.org/ 2>/dev/null || status=$?
            break
        fi
    done
    if [ "$status" -eq 60 ]; then
        echo "The certificate of registry.npmjs.org is not trusted here: npm goes by the lock files' checksums alone." >&2
        export npm_config_strict_ssl=false
    fi
}

# build PRESET [TARGET...]: configures and builds; one at a time per preset.
build() {
    local preset=$1 log=$top/build/$1.log lock=$top/build/.$1.lock
    shift
    mkdir -p "$top/build"
    quietly "configuring $preset" "$log" flock "$lock" cmake --preset "$preset" || return 1
    quietly "building $preset" "$log" flock "$lock" cmake --build --preset "$preset" -j "$(build_jobs)" --target all "$@"
}
