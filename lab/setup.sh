#!/bin/sh
# Makes a machine ready for the lab: a virtual environment, a container engine, Compose.
#
#   setup.sh [dev|netem]  dev: what the tests need, too
#                         netem: and a kernel with netem to boot, where this one has none
#
# What is there already is left alone. As root on Debian and Ubuntu what is missing is installed,
# with a line for each thing outside this folder; elsewhere a line says what to install.
set -eu

cd "$(dirname "$0")/.."
extra=${1:-}
netem=
if [ "$extra" = netem ]; then
    extra=dev netem=wanted
fi
tools=$PWD/.tools
plugins=/usr/local/lib/docker/cli-plugins

say() {
    echo "setup: $*" >&2
}

die() {
    say "$*"
    exit 1
}

# Debian's and Ubuntu's name for themselves, and nothing where we may not install.
distribution() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ -r /etc/os-release ]; then
        # Debian's testing has no VERSION_ID.
        # shellcheck source=/dev/null
        (. /etc/os-release && case "$ID" in debian | ubuntu) echo "$ID ${VERSION_ID:-}" ;; esac)
    fi
}

# install WHY PACKAGE ... : from the machine's own sources
install() {
    why=$1
    shift
    say "installing $* ($why)"
    for list in fresh updated; do
        if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
            >"$tools/apt.log" 2>&1; then
            return
        fi
        [ "$list" = updated ] || apt-get update -qq >"$tools/apt-update.log" 2>&1 || true
    done
    die "apt-get install $* failed: $(tail -n 1 "$tools/apt.log")"
}

# The name of a Python that is new enough, and nothing where there is none.
python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

environment() {
    stamp=.venv/.netlab-$(cksum <pyproject.toml | cut -d' ' -f1)${extra:+-$extra}
    [ ! -e "$stamp" ] || return 0
    python3=$(python)
    if [ -z "$python3" ] && [ -n "$(distribution)" ]; then
        install "Python" python3 python3-venv
        python3=$(python)
    fi
    [ -n "$python3" ] || die "Python 3.11 or later is missing; install it, with its venv module"
    if ! [ -x .venv/bin/python ]; then
        if ! "$python3" -c 'import ensurepip, venv' 2>/dev/null; then
            [ -n "$(distribution)" ] || die "Python's venv module is missing; install $python3-venv"
            install "Python's venv module" "$python3-venv"
        fi
        say "making .venv with $("$python3" --version)"
        "$python3" -m venv .venv
    fi
    say "installing the project's Python packages into .venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --editable ".${extra:+[$extra]}" >"$tools/pip.log" 2>&1 ||
        die "pip failed, see .tools/pip.log: $(grep -o 'ERROR: .*' "$tools/pip.log" | tail -n 1)"
    touch "$stamp"
}

engine_answers() {
    docker version --format '{{.Server.Version}}' >/dev/null 2>"$tools/docker.log"
}

engine() {
    if command -v docker >/dev/null; then
        if engine_answers; then
            return
        fi
    else
        : >"$tools/docker.log"
    fi
    if grep -qi 'permission denied' "$tools/docker.log"; then
        die "you may not use the container engine; run as root, or join the group docker" \
            "(as root: usermod -aG docker $(id -un); then log in anew)"
    fi
    # Somebody chose another engine: none of this machine's would be used.
    [ -z "${DOCKER_HOST:-}" ] || die "no container engine answers at DOCKER_HOST, $DOCKER_HOST"
    if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
        case $(distribution) in
        '') die "no container engine answers; install Docker (Engine 20.10 or later, or Desktop) and start it" ;;
        debian\ 1[12]* | ubuntu*) install "the container engine" docker.io ;;
        *) install "the container engine" docker.io docker-cli ;;
        esac
    fi
    engine_answers || start_engine
}

start_engine() {
    dockerd=
    if [ "$(id -u)" != 0 ]; then
        die "the container engine does not run; start it, as root"
    elif [ -d /run/systemd/system ]; then
        say "starting the container engine (systemctl start docker)"
        systemctl start docker || die "systemctl could not start docker"
    else
        say "starting the container engine (dockerd, log in .tools/dockerd.log)"
        # In a session of its own, so that Ctrl-C here does not end it.
        setsid dockerd >"$tools/dockerd.log" 2>&1 </dev/null &
        dockerd=$!
    fi
    for _ in $(seq 300); do
        if engine_answers; then
            return
        fi
        if [ -n "$dockerd" ] && ! kill -0 "$dockerd" 2>/dev/null; then
            die "the container engine ended: $(tail -n 1 "$tools/dockerd.log")"
        fi
        sleep 0.1
    done
    die "the container engine did not answer within 30 s: $(tail -n 1 "$tools/docker.log")"
}

compose_answers() {
    version=$(docker compose version --short 2>/dev/null) || return 1
    major=$(echo "${version#v}" | cut -d. -f1)
    minor=$(echo "${version#v}" | cut -d. -f2)
    [ "$major" -gt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -ge 20 ]; }
}

compose() {
    if compose_answers; then
        return
    fi
    old=${version:-$(docker-compose version --short 2>/dev/null || true)}
    case $(distribution) in
    '') die "Docker Compose 2.20 or later is missing${old:+ (here is $old)};" \
        "install the Compose plugin" ;;
    debian\ 1[12]*) compose_of_debian_13 ;;
    debian*) install "Docker Compose" docker-compose ;;
    ubuntu*) install "Docker Compose" docker-compose-v2 ;;
    esac
    compose_answers || die "Docker Compose 2.20 or later still does not answer"
}

# The mirror that this machine already uses.
debian_mirror() {
    # shellcheck disable=SC2016 # apt-get's own words
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
        grep -v security | head -n 1
}

# Debian 12 has Compose 1 only. The plugin of Debian 13 needs no more than Debian 12's libc; it is
# fetched with package lists of its own, so that the machine's sources stay as they are.
compose_of_debian_13() {
    say "installing Debian 13's Compose plugin into $plugins (Debian 12 has none)"
    apt=$tools/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    mirror=$(debian_mirror)
    if [ -z "$mirror" ]; then # so it is too where the package lists were never fetched
        apt-get update -qq >"$tools/apt-update.log" 2>&1 || true
        mirror=$(debian_mirror)
    fi
    [ -n "$mirror" ] || die "no Debian mirror among this machine's package sources"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" \
        >"$apt/sources.list"
    options="-o Dir::Etc::sourcelist=$apt/sources.list -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::lists=$apt/lists -o Dir::Cache=$apt/cache -o APT::Sandbox::User=root"
    # shellcheck disable=SC2086 # the options are words
    (cd "$apt" && apt-get $options update -qq && apt-get $options download -qq docker-compose) \
        >"$tools/apt.log" 2>&1 || die "fetching the Compose plugin: $(tail -n 1 "$tools/apt.log")"
    dpkg-deb -x "$apt"/docker-compose_*.deb "$apt/unpacked"
    mkdir -p "$plugins"
    cp "$apt/unpacked/usr/libexec/docker/cli-plugins/docker-compose" "$plugins/"
    rm -rf "$apt"
}

# Where no registry answers, the image is made from Debian's packages, which takes mmdebstrap, and
# on Ubuntu the keys that Debian signs with.
builder() {
    if command -v mmdebstrap >/dev/null || [ -z "$(distribution)" ]; then
        return
    fi
    source=$(.venv/bin/python -c 'if True:
        from lab import engine, images
        found = engine.Engine()
        ready = found.image_label(images.NODE, images.RECIPE_LABEL) == images.recipe()
        print("here" if ready else images.source(found) or "")')
    [ -n "$source" ] || install "no registry answers; it builds the image" mmdebstrap \
        debian-archive-keyring
}

# Tests of real netem run on this kernel where it has netem, and else in User-Mode Linux.
guest() {
    [ -n "$netem" ] || return 0
    [ "$(.venv/bin/python -m tests.kernel.guest --where)" = guest ] || return 0
    set --
    for each in linux.uml:user-mode-linux crun:crun modprobe:kmod iptables-legacy:iptables; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${each%:*}" >/dev/null || set -- "$@" "${each#*:}"
    done
    [ $# -gt 0 ] || return 0
    [ -n "$(distribution)" ] ||
        die "this kernel has no netem; to boot one that has, install as root (Debian, Ubuntu): $*"
    install "this kernel has no netem; these boot one that has" "$@"
}

# Tests look at the pages in the system's own browser; Playwright, which drives it, fetches none.
browser() {
    [ -n "$extra" ] || return 0
    for each in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$each" >/dev/null; then
            return
        fi
    done
    case $(distribution) in
    # Ubuntu's package of that name is a door to snap.
    debian*) install "tests look at pages in a browser" chromium fonts-dejavu-core ;;
    *) say "no browser: tests that look at pages are skipped; to run them install chromium" ;;
    esac
}

mkdir -p "$tools"
environment
engine
compose
builder
browser
guest
