#!/bin/sh
# Installs from Debian's packages what a target of the Makefile needs, and nothing else.
#
#   scripts/setup.sh build    what compiling needs (a C compiler for BPF programs)
#   scripts/setup.sh kernels  besides: the emulator of `make test-kernels`
#   scripts/setup.sh run      besides: the engine, the registry and the tools of `make run`
#   scripts/setup.sh test     besides: other people's programs that tests compare with
#   scripts/setup.sh bench    what `run` needs, and the watchers that ours is measured beside
#
# Idempotent, and quick when nothing is missing. No service is started, nothing installed is upgraded, and
# an engine that is already here (Debian's or another) is used as it is: only its programs, never its daemon.
set -eu

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
purpose="${1:-run}"
missing=""

say() { echo "setup: $*" >&2; }
die() { say "$*"; exit 1; }
need() { # need PACKAGE TEST...
	package="$1"
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}
program() { command -v "$1"; }

needed_to_build() {
	need clang program clang
	need libbpf-dev test -e /usr/include/bpf/bpf_helpers.h
	need linux-libc-dev test -e /usr/include/linux/bpf.h
}

needed_to_run() {
	# Docker's own packages bring containerd, ctr and runc under the same names: whatever is here stays.
	if program dockerd >/dev/null; then
		need containerd program containerd
		need runc program runc
	else
		need docker.io false
	fi
	need docker-registry program docker-registry
	need mmdebstrap program mmdebstrap
	need iproute2 program ip
	need iptables program iptables
	need curl program curl
	need ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
	need sqlite3 program sqlite3
	need util-linux program unshare
}

# Other people's programs that tests compare with; without them a test is skipped, which CI does not accept.
needed_to_test() {
	need golang-go program go
	need gpg program gpg
	need gpgconf program gpgconf
	need gpgv program gpgv
	need createrepo-c program createrepo_c
	need python3 program python3
	need openssl program openssl
	need zstd program zstd
	need bzip2 program bzip2
	need tar program tar
	need podman program podman
	need apparmor program apparmor_parser
	need nodejs program node
	need node-semver has_semver
	need python3-packaging has_packaging
}

# Two watchers of program starts. Neither is left running: the kernel's audit has one reader, and that may be another's.
needed_to_bench() {
	need auditd program auditd
	need bpftrace program bpftrace
}

# npm brings its own copy, and so does pip.
has_semver() { program npm || test -e /usr/share/nodejs/semver; }
has_packaging() { python3 -c "import packaging.version" || python3 -c "import pip._vendor.packaging.version"; }

case "$purpose" in
build) needed_to_build ;;
kernels) needed_to_build && need qemu-system-x86 program qemu-system-x86_64 ;;
run) needed_to_build && needed_to_run ;;
test) needed_to_build && needed_to_run && needed_to_test ;;
bench) needed_to_build && needed_to_run && needed_to_bench ;;
*) die "unknown purpose \`$purpose\`: use \`build\`, \`kernels\`, \`run\`, \`test\` or \`bench\`" ;;
esac

program cargo >/dev/null || die "cargo is missing: install the Rust toolchain (https://rustup.rs), then try again"
program cc >/dev/null || die "a C compiler is missing: install gcc, then try again"
program apt-get >/dev/null || die "this is not a Debian system (no apt-get): install by hand what plays the part of:${missing:- nothing}"

# The images of the story are built from the package mirror that this machine is configured for.
no_lists() { ! find /var/lib/apt/lists -maxdepth 1 -name '*Release' 2>/dev/null | grep -q .; }
if [ -z "$missing" ] && { [ "$purpose" = build ] || ! no_lists; }; then
	exit 0
fi
[ "$(id -u)" = 0 ] || die "missing:$missing; run \`sudo scripts/setup.sh $purpose\` (or \`make setup\` as root)"

# dpkg asks policy-rc.d whether a service may start; 101 is "no" (Debian: /usr/share/doc/sysv-rc,
# invoke-rc.d(8)). A policy that is already here is put back as it was.
policy=/usr/sbin/policy-rc.d
kept=""
restore() {
	if [ -n "$kept" ]; then mv -f "$kept" "$policy"; else rm -f "$policy"; fi
}

[ -z "$missing" ] || say "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || die "the package lists could not be read: check the network and /etc/apt/sources.list"
[ -n "$missing" ] || exit 0

trap restore EXIT
trap 'exit 130' INT TERM
if [ -e "$policy" ]; then
	kept="$policy.before-lazaret"
	mv -f "$policy" "$kept"
fi
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

# shellcheck disable=SC2086 # a list of package names
apt-get install -y -qq --no-install-recommends --no-upgrade $missing >/dev/null ||
	die "installing$missing failed: see the lines above"

# What was installed for Lazaret must not start by itself at the next boot either.
if program systemctl >/dev/null; then
	for package in $missing; do
		case "$package" in
		docker.io) services="docker.service docker.socket containerd.service" ;;
		containerd) services="containerd.service" ;;
		docker-registry) services="docker-registry.service" ;;
		auditd) services="auditd.service" ;;
		*) services="" ;;
		esac
		# shellcheck disable=SC2086 # a list of unit names
		[ -z "$services" ] || systemctl --quiet disable $services 2>/dev/null || true
	done
fi
say "done"
