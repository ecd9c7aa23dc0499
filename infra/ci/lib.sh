# shellcheck shell=bash
# For scripts of this folder: the checkout in $top, and packages of the machine. Continuous integration runs them as root in
# a bare Debian; elsewhere what is missing is named, or installed with sudo by infra/dev.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$top" || exit

# need PACKAGE...: installs those that are not there, when that is ours to do.
need() {
    local each missing=()
    for each in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$each" 2>/dev/null)" = installed ] || missing+=("$each")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    [ "$EUID" -eq 0 ] || { echo "missing: apt-get install ${missing[*]}" >&2; return 1; }
    infra/scripts/install-packages "${missing[@]}"
}

# changed_files REFERENCE PATTERN...: tracked files that differ from where this branch left REFERENCE; all when that is no
# commit here (a new branch, a run at night).
changed_files() {
    local reference=$1
    shift
    if git cat-file -e "$reference^{commit}" 2>/dev/null; then
        git diff --name-only --diff-filter=d "$(git merge-base "$reference" HEAD)" -- "$@"
    else
        git ls-files -- "$@"
    fi
}

# A checkout that another user made is none of ours to git.
if [ -n "${CI:-}" ]; then git config --global --add safe.directory "$top"; fi
