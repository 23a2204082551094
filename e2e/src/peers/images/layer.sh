# One layer: runs the step in $STEP on top of the layers in $LOWER; what it changes is left in $UPPER, as overlayfs
# keeps it. Run in a mount namespace of its own, which takes all mounts with it when it ends.
#
#   LOWER   folders of the layers below, topmost first, separated by colons; empty for the first layer
#   UPPER   the folder of this layer
#   WORK    an empty folder on the same disk
#   DEBS    where downloaded packages are kept
#   FILES   where what comes from elsewhere is kept: what was once downloaded is not downloaded again
#   SUITE   code name of Debian's release
#   PIP     a pip
set -eu

ROOT="$WORK/root"
mkdir -p "$ROOT" "$WORK/work" "$UPPER" "$DEBS/partial" "$FILES"
export ROOT FILES HOME="$FILES"

if [ -n "$LOWER" ]; then
	# Renamed directories are to be copied: an archive knows nothing of overlayfs's redirections.
	mount -t overlay overlay "$ROOT" -o "redirect_dir=off,index=off,metacopy=off,lowerdir=$LOWER,upperdir=$UPPER,workdir=$WORK/work"
else
	mount --bind "$UPPER" "$ROOT"
fi

# The machine's own apt, with its mirrors, proxies and keys, on the packages of this tree.
packages() {
	mount --bind "$DEBS" "$ROOT/var/cache/apt/archives"
	mount --bind /dev "$ROOT/dev"
	mount -t proc proc "$ROOT/proc"
	export DEBIAN_FRONTEND=noninteractive LC_ALL=C
	# What the machine does after each installation, such as emptying its cache, is not for this tree.
	cat >"$WORK/apt.conf" <<-END
		#clear DPkg::Post-Invoke;
		#clear DPkg::Pre-Install-Pkgs;
		DPkg::Chroot-Directory "$ROOT";
		DPkg::Options:: "--force-unsafe-io";
		Dir::State::status "$ROOT/var/lib/dpkg/status";
		Dir::State::extended_states "$ROOT/var/lib/apt/extended_states";
		Dir::Cache::archives "$ROOT/var/cache/apt/archives";
		Dir::Cache::pkgcache "";
		Dir::Cache::srcpkgcache "";
		Dir::Log "$WORK";
		APT::Keep-Downloaded-Packages "true";
		APT::Default-Release "$SUITE";
		APT::Sandbox::User "root";
		APT::Install-Recommends "false";
	END
	apt-get --config-file "$WORK/apt.conf" --quiet --quiet --yes "$@" >"$WORK/apt.log" 2>&1 || { tail -n 20 "$WORK/apt.log" >&2; exit 1; }
	umount "$ROOT/var/cache/apt/archives" "$ROOT/dev" "$ROOT/proc"
}
install() { packages install "$@"; }
purge() { packages purge "$@"; }
inside() { chroot "$ROOT" "$@"; }

# Wheels as they are published, whatever they depend on: wheels TARGET REQUIREMENT...
wheels() {
	target="$ROOT/$1"
	shift
	mkdir -p "$target"
	"$PIP" install --quiet --no-deps --only-binary=:all: --no-compile --root-user-action=ignore --cache-dir "$FILES/pip" --target "$target" "$@"
}

# A tree of packages below a manifest: npm TARGET (the manifest is there already)
modules() {
	(cd "$ROOT/$1" && npm install --quiet --ignore-scripts --no-audit --no-fund --legacy-peer-deps --prefer-offline --cache "$FILES/npm" --loglevel=error >/dev/null)
}

eval "$STEP"
