# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For scripts of this folder: the checkout in $top, build/ for what they leave behind, and packages of the machine. Continuous
# integration runs them as root in a bare Debian, in a clone that belongs to somebody else; elsewhere what is missing is named,
# or installed with sudo by infra/dev.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$top" || exit
mkdir -p build
die() { echo "infra/ci: $*" >&2; exit 1; }
# shellcheck disable=SC2034 # lib-build.sh keeps a log there
state=$top/build
# shellcheck source-path=SCRIPTDIR source=../scripts/lib-build.sh
. "$top/infra/scripts/lib-build.sh"

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

# lines_of COMMAND...: what it prints, as the array `lines`. Fails when COMMAND does, which <(COMMAND) would hide: to look at
# no file is no success.
lines_of() {
    local printed
    printed=$("$@") || return
    lines=()
    # shellcheck disable=SC2034 # whoever calls reads it
    [ -z "$printed" ] || mapfile -t lines <<<"$printed"
}

# version: what CMakeLists.txt says that this is.
version() { sed -n 's/^project(bulkhead VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt; }

# check_git_tag: fails where GitHub runs this for a tag that does not name this version.
check_git_tag() {
    [[ ${GITHUB_REF_TYPE:-} != tag || ${GITHUB_REF_NAME:-} == "v$(version)" ]] && return
    echo "the tag is ${GITHUB_REF_NAME:-} and CMakeLists.txt says $(version): tag v$(version), or change the version first" >&2
    return 1
}

# changed_files REFERENCE PATTERN...: tracked files that differ from where this branch left REFERENCE; all when that is no
# commit here (a new branch, a run at night).
changed_files() {
    local reference=$1 begun
    shift
    if git cat-file -e "$reference^{commit}" 2>/dev/null; then
        begun=$(git merge-base "$reference" HEAD) || return
        git diff --name-only --diff-filter=d "$begun" -- "$@"
    else
        git ls-files -- "$@"
    fi
}

# A checkout that another user made is none of ours to git.
if [ -n "${CI:-}" ] && ! git config --global --get-all safe.directory | grep -qxF "$top"; then
    git config --global --add safe.directory "$top"
fi
