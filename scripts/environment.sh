# Sourced by the scripts beside it: a Python, a .venv and the project installed in it.
#
# Nothing is done twice: a stamp inside .venv says what it was made from (pyproject.toml, the place
# of the checkout, the Python), so that a second start costs a few milliseconds.
# PYTHON=python3.12 chooses the interpreter.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="$root/.venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf '%s\n' "$*" >&2; }
fail() { say "$(basename "$0"): $*"; exit 1; }

# apt_install PACKAGE...: install system packages where we may; false where we may not.
apt_install() {
    local may=()
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 1
        may=(sudo -n)
    fi
    say "Installing $* with apt-get ..."
    { ${may[@]+"${may[@]}"} apt-get update -qq &&
        ${may[@]+"${may[@]}"} env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qq -y --no-install-recommends "$@"; } >/dev/null || return 1
}

is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

# find_python: print the command of a Python that is recent enough.
find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        is_recent "$PYTHON" || fail "PYTHON=$PYTHON is no Python 3.10 or newer"
        printf '%s\n' "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python3.10; do
        if is_recent "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "no Python 3.10 or newer found; install one (Debian: apt-get install python3 python3-venv)" \
        "or name it: PYTHON=/path/to/python3 scripts/$(basename "$0")"
}

# find_all_pythons: print "3.10 /path/to/python" for each version we support and can find, on the
# PATH or in pyenv; of a version, the newest release.
find_all_pythons() {
    local version candidate
    for version in 3.10 3.11 3.12 3.13; do
        while read -r candidate; do
            if [ "$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' \
                2>/dev/null)" = "$version" ]; then
                printf '%s %s\n' "$version" "$candidate"
                break
            fi
        done < <(
            printf '%s\n' "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version."*/bin/python | sort -rV
            command -v "python$version"
        )
    done
}

make_venv() {
    local python package
    python="$(find_python)" || exit 1
    # Debian keeps this part of the standard library in a package of its own.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        package="$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
        apt_install "$package" && "$python" -c 'import ensurepip, venv' 2>/dev/null ||
            fail "$python cannot make virtual environments; as root: apt-get install $package"
    fi
    say "Making $(basename "$venv") with $("$python" --version) ..."
    rm -rf "$venv"
    "$python" -m venv "$venv" || fail "could not make $venv with $python"
}

# What an installed environment was made from; a different answer means: install again.
describe_venv() {
    "$venv/bin/python" --version && printf '%s\n' "$root" && cksum <"$root/pyproject.toml"
}

venv_is_usable() {
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || return 1
    [ -z "${PYTHON:-}" ] || [ "$("$venv/bin/python" --version)" = "$("$PYTHON" --version 2>&1)" ]
}

# prepare_environment [EXTRA]: make sure that .venv has the project, and the extra, installed.
prepare_environment() {
    local extra="${1:-}" stamp log now
    stamp="$venv/.moobius-installed${extra:+-$extra}"
    log="$venv/pip.log"
    if [ -z "${PYTHON:-}" ] && now="$(describe_venv 2>/dev/null)" &&
        [ "$now" = "$(cat "$stamp" 2>/dev/null)" ]; then
        return
    fi
    venv_is_usable || make_venv
    now="$(describe_venv)"
    [ "$now" != "$(cat "$stamp" 2>/dev/null)" ] || return 0
    say "Installing moobius into $(basename "$venv") (a minute, the first time) ..."
    if ! "$venv/bin/python" -m pip install -q -e "$root${extra:+[$extra]}" >"$log" 2>&1; then
        tail -n 15 "$log" | cut -c 1-300 >&2
        fail "pip could not install the project; the lines above say why (all of them: $log)"
    fi
    printf '%s\n' "$now" >"$stamp"
    # Whatever an extra brings, it brings the project itself too.
    printf '%s\n' "$now" >"$venv/.moobius-installed"
}
