#!/bin/bash
# blender_gui.sh ZIP OUTDIR SCENARIO.py [FILE...]
#   A real windowed Blender (Debian trixie's 4.3.2) under Xvfb and llvmpipe, in a cached chroot, for looking at the
#   extension and clicking on it. Installs the extension ZIP into an empty profile, opens the 3D viewport's sidebar and
#   runs SCENARIO beside Blender: it can `from gui import ...` (blender_gui/gui.py) to run Python in that Blender, move
#   and click the mouse, drop files, and take pictures, which land in OUTDIR with the logs. FILEs are copied beside it.
#   Exit status: the scenario's. Needs root.
#   BGUI_FRESH=1: neither install ZIP nor open the sidebar; ZIP is then one of the files, for the scenario to install.
#   BGUI_ROOT = chroot (default below), BGUI_SIZE = window size, BGUI_MIRROR = Debian mirror (default: apt's own).
set -euo pipefail
ZIP=$(readlink -f "${1:?zip}"); OUT=$(mkdir -p "${2:?outdir}" && readlink -f "$2"); SCENARIO=$(readlink -f "${3:?scenario}")
shift 3
HERE=$(dirname "$(readlink -f "$0")")
ROOT=${BGUI_ROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/blender-gui}; SIZE=${BGUI_SIZE:-1280x800}
sources() { grep -hoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; }
MIRROR=${BGUI_MIRROR:-$(sources | head -1 | tr -d ' ')}
[ -n "$MIRROR" ] || { echo "no Debian mirror found in apt's sources: set BGUI_MIRROR" >&2; exit 1; }
# OpenBLAS, because Blender's own numpy has it: Debian's plain BLAS makes captures far slower than an artist sees them.
PACKAGES="blender python3-numpy libopenblas0-pthread xvfb xdotool python3-xlib imagemagick libgl1-mesa-dri"

# ---- the chroot, once ------------------------------------------------------------------------
if [ "$(cat "$ROOT/.ready" 2>/dev/null)" != "$PACKAGES" ]; then
  command -v debootstrap >/dev/null || { apt-get update -qq; apt-get install -y -qq --no-install-recommends debootstrap; }
  rm -rf --one-file-system "$ROOT"; mkdir -p "$(dirname "$ROOT")"
  LOG=$(dirname "$ROOT")/$(basename "$ROOT").setup.log; echo "setting up $ROOT (log: $LOG)" >&2
  { debootstrap --variant=minbase trixie "$ROOT" "$MIRROR"
    printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"; chmod +x "$ROOT/usr/sbin/policy-rc.d"
    echo force-unsafe-io >"$ROOT/etc/dpkg/dpkg.cfg.d/unsafe-io"
    DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$ROOT" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$ROOT" apt-get install -y -qq --no-install-recommends $PACKAGES
    chroot "$ROOT" apt-get clean; rm -rf "$ROOT"/var/lib/apt/lists/*
  } >"$LOG" 2>&1 || { tail -20 "$LOG" >&2; exit 1; }
  echo "$PACKAGES" >"$ROOT/.ready"
fi

# ---- the job's folder inside the chroot ------------------------------------------------------
rm -rf --one-file-system "$ROOT/root" "$ROOT/tmp/footage"; mkdir -m 700 "$ROOT/root"  # what an earlier run has left
JOB=$(mktemp -d "$ROOT/tmp/job.XXXXXX"); IN=${JOB#"$ROOT"}
trap 'rm -rf --one-file-system "$JOB"' EXIT
mkdir "$JOB/out" "$JOB/profile" "$JOB/files"
cp "$ZIP" "$JOB/ext.zip"; [ -z "${BGUI_FRESH:-}" ] || cp "$ZIP" "$JOB/files/"
cp "$HERE"/blender_gui/*.py "$JOB/"; cp "$SCENARIO" "$JOB/scenario.py"
for FILE in "$@"; do cp -r "$FILE" "$JOB/files/"; done

cat >"$JOB/run.sh" <<'IN'
#!/bin/bash
set -u
install() { blender --command extension "$@" >>"$JOB/out/install.log" 2>&1 || { cat "$JOB/out/install.log"; exit 4; }; }
install validate "$JOB/ext.zip"
[ -n "$FRESH" ] || install install-file -r user_default --enable "$JOB/ext.zip"
exec 9<>"$JOB/display"
Xvfb -displayfd 9 -screen 0 "${SIZE}x24" -dpi 96 -nolisten tcp >"$JOB/out/xvfb.log" 2>&1 & X=$!
for _ in $(seq 100); do D=$(cat "$JOB/display"); [ -n "$D" ] && break; sleep 0.1; done
export DISPLAY=:$D
blender --no-window-focus -p 0 0 ${SIZE/x/ } --python-exit-code 7 --python "$JOB/driver.py" >"$JOB/out/blender.log" 2>&1 & B=$!
for _ in $(seq 600); do [ -s "$JOB/ready.json" ] && break; kill -0 $B 2>/dev/null || break; sleep 0.2; done
status=0
if [ -s "$JOB/ready.json" ]; then sleep 1; BLENDER=$B python3 "$JOB/scenario.py" || status=$?
else echo "Blender's window did not come up"; tail -20 "$JOB/out/blender.log"; status=8; fi
kill $B 2>/dev/null; wait $B 2>/dev/null; kill $X 2>/dev/null; wait $X 2>/dev/null
exit $status
IN
chmod +x "$JOB/run.sh"; : >"$JOB/display"

# ---- run: own mount and pid namespace, so that nothing stays mounted or running ---------------
status=0
unshare --mount --pid --fork --kill-child --propagation private \
  sh -c 'mount -t proc proc "$1/proc" && shift && exec "$@"' sh "$ROOT" \
  chroot "$ROOT" /usr/bin/env -i HOME=/root PATH=/usr/bin:/bin LANG=C.UTF-8 LIBGL_ALWAYS_SOFTWARE=1 \
  GALLIUM_DRIVER=llvmpipe BLENDER_USER_RESOURCES="$IN/profile" JOB="$IN" SIZE="$SIZE" TAB="${BGUI_TAB:-DICE}" FRESH="${BGUI_FRESH:-}" \
  "$IN/run.sh" || status=$?
cp -r "$JOB/out/." "$OUT/"; exit $status
