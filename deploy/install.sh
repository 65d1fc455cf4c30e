#!/usr/bin/env bash
# Installs model-auth-exporter on a Linux host: a virtual environment, settings with comments, and a service, timer or
# cron line. As root for the whole host (the service runs as the gateway's user), else for the user who runs it.
# Every change is written into a manifest first, so that --uninstall takes back just those. See INSTALL.md.
set -euo pipefail
umask 022

readonly NAME=model-auth-exporter
readonly USAGE="usage: install.sh [OPTION]...
  --mode serve|timer      a daemon with /metrics (default), or a check every half hour
  --scheduler KIND        auto (default), systemd, cron, or none: start nothing
  --user NAME             as root: whose gateway is watched (default: the one user who has one)
  --prefix DIR            where the virtual environment goes
  --from SOURCE           checkout, wheel, sdist or requirement to install (default: what lies next to this script,
                          else the package by its name); pip's own settings and variables apply
  --listen HOST:PORT      address for new settings (default: 127.0.0.1:10987)
  --dry-run               say what would be done, change nothing
  --yes                   do not ask on a terminal; elsewhere nothing is asked anyway
  --uninstall             undo an installation; settings and state stay
  --purge                 with --uninstall: remove settings and state too"

die() { printf 'install.sh: %s\n' "$2" >&2; exit "$1"; }
say() { printf '%s\n' "$*"; }
wrong() { printf '%s\n' "$USAGE" >&2; die 64 "$1"; }

mode=serve scheduler=auto user='' prefix='' source='' listen='' dry=false yes=false uninstall=false purge=false
while [ $# -gt 0 ]; do
  case $1 in
    --mode | --scheduler | --user | --prefix | --from | --listen)
      [ $# -ge 2 ] || wrong "$1 needs a value"
      case $1 in
        --mode) mode=$2 ;; --scheduler) scheduler=$2 ;; --user) user=$2 ;; --prefix) prefix=$2 ;;
        --from) source=$2 ;; --listen) listen=$2 ;;
      esac
      shift ;;
    --dry-run) dry=true ;;
    --yes) yes=true ;;
    --uninstall) uninstall=true ;;
    --purge) purge=true ;;
    -h | --help) say "$USAGE"; exit 0 ;;
    *) wrong "unknown option: $1" ;;
  esac
  shift
done
case $mode in serve | timer) ;; *) wrong "--mode is serve or timer" ;; esac
case $scheduler in auto | systemd | cron | none) ;; *) wrong "--scheduler is auto, systemd, cron or none" ;; esac
[ "$purge" = false ] || [ "$uninstall" = true ] || wrong "--purge goes with --uninstall"
[[ $listen =~ ^([][A-Za-z0-9:._-]+:[0-9]+)?$ ]] || wrong "--listen is HOST:PORT"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly mode user listen dry yes uninstall purge here

# ---------------------------------------------------------------- where things go

# Characters that mean something in unit files, crontabs or patterns are refused rather than escaped in three languages.
plain() { [[ $1 =~ ^/[A-Za-z0-9_./@+-]*$ ]] || die 64 "$2 has characters that unit files and crontabs cannot take as they are: $1"; }

as_root=false
if [ "$(id -u)" -eq 0 ]; then
  as_root=true
  prefix=${prefix:-/opt/$NAME} units=/etc/systemd/system link=/usr/local/bin/$NAME
else
  [ -z "$user" ] || [ "$user" = "$(id -un)" ] || die 77 "--user $user needs root"
  : "${HOME:?install.sh: HOME is not set}"
  prefix=${prefix:-$HOME/.local/share/$NAME} units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user link=$HOME/.local/bin/$NAME
fi
plain "$prefix" --prefix
readonly as_root prefix units link manifest=$prefix/install-manifest

home_of() { getent passwd "$1" | cut -d : -f 6; }
control() { if [ "$as_root" = true ]; then systemctl "$@"; else systemctl --user "$@"; fi; }
booted() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }
recorded() { [ ! -f "$manifest" ] || awk -F '\t' -v kind="$1" '$1 == kind { print $2 }' "$manifest"; }
sum() { sha256sum "$1" | cut -d ' ' -f 1; }

# One line of the manifest: kind, path, and for files the sum of what we wrote.
record() {
  local line=$1$'\t'$2${3:+$'\t'$3}
  if [ -f "$manifest" ] && grep -qxF -- "$line" "$manifest"; then return; fi
  if [ -f "$manifest" ]; then forget "$1" "$2"; fi
  printf '%s\n' "$line" >>"$manifest"
}

forget() {
  awk -F '\t' -v kind="$1" -v path="$2" '!($1 == kind && $2 == path)' "$manifest" >"$manifest.new"
  mv -f "$manifest.new" "$manifest"
}

as_owner() { if [ "$as_root" = true ]; then runuser -u "$owner" -- env -C / HOME="$home" "$@"; else "$@"; fi; }

# Makes a directory (behind it: by whom) and records each level that was not there.
directory() {
  local path=$1
  shift
  [ ! -d "$path" ] || return 0
  directory "$(dirname "$path")" "$@"
  "$@" mkdir "$path"
  record dir "$path"
}

# ---------------------------------------------------------------- undo

settle() {  # a file of ours: removed; one that somebody changed since is kept under another name
  [ -e "$1" ] || return 0
  if [ "$(sum "$1")" = "$2" ]; then rm -f "$1"; else mv -f "$1" "$1.saved" && say "changed since it was written, kept: $1.saved"; fi
}

stop_unit() { if booted; then control disable --now "$1" >/dev/null 2>&1 || say "could not stop $1"; fi; }

remove_units() {  # all that are recorded, but for those named
  local unit path check
  for unit in $(recorded enabled); do
    case " $* " in *" $unit "*) continue ;; esac
    stop_unit "$unit"
    forget enabled "$unit"
  done
  while IFS=$'\t' read -r unit path check; do
    [ "$unit" = unit ] || continue
    case " $* " in *" ${path##*/} "*) continue ;; esac
    settle "$path" "$check"
    forget unit "$path"
  done <<<"$(cat "$manifest")"
}

crontab_without() { { crontab -l 2>/dev/null || true; } | sed "/^# $NAME begin\$/,/^# $NAME end\$/d"; }

# What is no file of its own any more goes: a crontab that held nothing else, too.
remove_cron() {
  local rest file
  if [ -n "$(recorded crontab)" ]; then
    rest=$(crontab_without)
    if [ -n "$rest" ]; then printf '%s\n' "$rest" | crontab -; else crontab -r; fi
    forget crontab "$(recorded crontab)"
  fi
  for file in $(recorded cron); do
    settle "$file" "$(awk -F '\t' -v path="$file" '$1 == "cron" && $2 == path { print $3 }' "$manifest")"
    forget cron "$file"
  done
}

undo() {
  local path
  [ -f "$manifest" ] || { say "nothing is installed under $prefix"; return; }
  if [ "$dry" = true ]; then
    say "would undo what $manifest lists:"
    sed 's/\t/ /; s/\t.*//; s/^/  /' "$manifest"
    return
  fi
  remove_units
  if booted; then control daemon-reload || true; fi
  remove_cron
  for path in $(recorded link); do [ "$(readlink "$path")" != "$prefix/bin/$NAME" ] || rm -f "$path"; done
  owner=$(recorded owner) home=$(home_of "$owner")
  for path in $(recorded config) $(recorded state); do
    [ -e "$path" ] || continue
    case $purge-$path in
      false-*) say "kept: $path" ;;
      true-/var/lib/"$NAME") rm -rf "$path" ;;
      *) as_owner rm -rf "$path" ;;  # root does not follow paths that a user can bend
    esac
  done
  local directories
  directories=$(recorded dir | sort -r)
  rm -rf "$prefix"
  for path in $directories; do as_owner rmdir "$path" 2>/dev/null || rmdir "$path" 2>/dev/null || true; done
  say "removed: $prefix and all that its manifest listed"
}

if [ "$uninstall" = true ]; then undo; exit 0; fi

# ---------------------------------------------------------------- what there is

gateways() {  # the state directories in one home
  local path
  for path in "$1"/.{openclaw,clawdbot,moltbot,moldbot,remoteclaw}{,-*}; do
    if [ -d "$path" ] && [ -n "$(ls -A "$path" 2>/dev/null)" ]; then printf '%s\n' "$path"; fi
  done
}

owners() {  # users in whose home there is a gateway
  local name home
  getent passwd | while IFS=: read -r name _ _ _ _ home _; do
    if [ "$home" != / ] && [ -n "$(gateways "$home")" ]; then printf '%s\n' "$name"; fi
  done
}

lines() { if [ -n "$2" ]; then mapfile -t "$1" <<<"$2"; fi; }  # text into an array; <(…) would want a /dev/fd

owner=$user found=() gateways=()
if [ "$as_root" = false ]; then
  owner=$(id -un 2>/dev/null || id -u) home=$HOME
elif [ -z "$owner" ]; then
  lines found "$(owners)"
  [ "${#found[@]}" -ne 0 ] || die 1 "no user here has a gateway (~/.openclaw and its kin); name one with --user"
  [ "${#found[@]}" -eq 1 ] || die 1 "several users have a gateway (${found[*]}): name one with --user, and let the others run this script themselves"
  owner=${found[0]}
fi
if [ "$as_root" = true ]; then
  home=$(home_of "$owner")
  [ -n "$home" ] || die 1 "there is no user $owner"
  [[ $owner =~ ^[a-z_][a-z0-9_-]*$ ]] || die 64 "a unit file cannot take this user name as it is: $owner"
fi
plain "$home" "the home directory"
known=$(recorded owner)
[ -z "$known" ] || [ "$known" = "$owner" ] || die 1 "$prefix already serves the user $known; let $owner run this script without root, or --uninstall first"
lines gateways "$(gateways "$home")"

# The system unit sees neither homes nor the machine's temporary directories.
reachable() { case $as_root-$1 in true-/home/* | true-/root/* | true-/run/user/* | true-/tmp/* | true-/var/tmp/*) return 1 ;; esac; }
reachable "$prefix" || die 1 "a system service cannot reach $prefix; choose another --prefix"

python=''
for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 "$([ "$as_root" = false ] || printf /usr/bin/python3)"; do
  [ -n "$candidate" ] || continue
  real=$("$candidate" -c 'import os, sys; sys.exit(1) if sys.version_info < (3, 11) else print(os.path.realpath(sys.executable))' 2>/dev/null) || continue
  if reachable "$real"; then python=$candidate; break; fi
done
[ -n "$python" ] || die 69 "no Python 3.11 or newer on the PATH$([ "$as_root" = false ] || printf ' outside of homes'); install one, or name it: PYTHON=/path/to/python3.12 install.sh"
"$python" -c 'import ensurepip, venv' 2>/dev/null || die 69 "$python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"

if [ -z "$source" ]; then
  source=$NAME
  if [ -f "$here/../pyproject.toml" ]; then source=$(dirname "$here"); fi
  for candidate in "$here"/{.,..}/model_auth_exporter-*.{tar.gz,whl}; do if [ -f "$candidate" ]; then source=$candidate; fi; done
fi

if [ "$scheduler" = auto ]; then
  if booted; then scheduler=systemd; elif command -v crontab >/dev/null || [ -d /etc/cron.d ]; then scheduler=cron; else scheduler=none; fi
fi
if [ "$scheduler" = cron ]; then
  if [ "$as_root" = false ] && ! command -v crontab >/dev/null; then die 69 "there is no crontab program here; use --scheduler none"; fi
fi
if [ -e "$prefix" ] && [ -n "$(ls -A "$prefix")" ] && [ ! -f "$manifest" ]; then die 1 "$prefix is there already and is not ours; choose another --prefix"; fi
readonly owner home python source scheduler

case $scheduler-$mode in
  systemd-serve) started=$NAME.service wanted=("$NAME.service" "$NAME-failure.service") ;;
  systemd-timer) started=$NAME-check.timer wanted=("$NAME-check.service" "$NAME-check.timer" "$NAME-failure.service") ;;
  *) started='' wanted=() ;;
esac

# The settings are the user's own: their command line and the service read the same file.
if [ "$as_root" = true ]; then unset XDG_CONFIG_HOME XDG_STATE_HOME; fi  # root's own
config=${XDG_CONFIG_HOME:-$home/.config}/$NAME/config.yaml
state=${XDG_STATE_HOME:-$home/.local/state}/$NAME
if [ "$as_root" = true ] && [ "$scheduler" = systemd ]; then state=/var/lib/$NAME; fi

say "gateways of $owner: ${gateways[*]:-none yet}"
say "program:    $source into $prefix (by $("$python" --version)), linked at $link"
say "settings:   $config$([ ! -e "$config" ] || printf ' (there already, stays as it is)')"
case $scheduler in
  systemd) say "runs by:    $started, in $units" ;;
  cron) say "runs by:    cron, a check every half hour$([ "$mode" = timer ] || printf ' (no systemd here, so no daemon)')" ;;
  none) say "runs by:    nothing; start '$link serve' or 'check --notify' yourself" ;;
esac
if [ "$dry" = true ]; then say "dry run: nothing was changed"; exit 0; fi
if [ "$yes" = false ] && [ -t 0 ] && [ -t 1 ]; then
  read -r -p "Go ahead? [Y/n] " answer
  case $answer in '' | [Yy]*) ;; *) die 1 "nothing was changed" ;; esac
fi

# ---------------------------------------------------------------- do

install_program() {
  local above=$prefix level missing=()
  while [ ! -d "$above" ]; do missing+=("$above") above=$(dirname "$above"); done
  mkdir -p "$prefix"
  record owner "$owner"
  for level in "${missing[@]:1}"; do record dir "$level"; done
  if ! "$prefix/bin/python" -c 'import pip' 2>/dev/null; then  # new, or its interpreter is gone since an upgrade of the host
    rm -rf "${prefix:?}"/{bin,include,lib,lib64,share,pyvenv.cfg}
    "$python" -m venv "$prefix"
  fi
  say "installing $source"
  "$prefix/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade "$source"
  directory "$(dirname "$link")"
  if [ -e "$link" ] && [ "$(readlink "$link")" != "$prefix/bin/$NAME" ]; then
    say "$link is not ours and stays; ours is $prefix/bin/$NAME"
  else
    ln -sfn "$prefix/bin/$NAME" "$link"
    record link "$link"
  fi
}

write_settings() {
  if [ -e "$config" ]; then return; fi
  directory "$(dirname "$config")" as_owner
  as_owner "$prefix/bin/$NAME" config init "$config" >/dev/null
  if [ "$as_root" = true ] && [ "$scheduler" = systemd ]; then  # the command line of this user keeps the same book as the unit
    as_owner sed -i "s|^state_dir: null |state_dir: $state |" "$config"
  fi
  if [ -n "$listen" ]; then as_owner sed -i "s|^listen: \"[^\"]*\"|listen: \"$listen\"|" "$config"; fi
  record config "$config"
}

rendered() {  # a unit of ours, true for this host
  local line path
  if [ "$as_root" = false ]; then
    sed "s|%h/.local/bin/$NAME|$prefix/bin/$NAME|" "$here/systemd/user/$1"
    return
  fi
  sed -e "s|/opt/$NAME/bin|$prefix/bin|" -e "s|^User=openclaw\$|User=$owner|" -e "s|=-/home/openclaw/|=-$home/|" "$here/systemd/system/$1" |
    while IFS= read -r line; do
      printf '%s\n' "$line"
      case $line in
        ProtectHome=tmpfs)  # covers /home, /root and /run/user only
          case $home/ in /home/* | /root/*) ;; *) printf 'TemporaryFileSystem=%s:ro\n' "$home" ;; esac ;;
        BindReadOnlyPaths=*/.remoteclaw)
          for path in "${gateways[@]}"; do case $path in *-*) plain "$path" "a gateway's directory"; printf 'BindReadOnlyPaths=-%s\n' "$path" ;; esac; done ;;
      esac
    done
}

write_unit() {
  local path=$units/$1 text before
  text=$(rendered "$1")
  before=$(awk -F '\t' -v path="$path" '$1 == "unit" && $2 == path { print $3 }' "$manifest")
  if [ -e "$path" ] && [ "$(sum "$path")" != "${before:-none}" ]; then
    [ -n "$before" ] || [ "$(cat "$path")" = "$text" ] || die 1 "$path is there already and is not ours; move it away first"
    [ -z "$before" ] || { say "$path was changed by hand and stays; the new one is $path.new"; printf '%s\n' "$text" >"$path.new"; return; }
  fi
  printf '%s\n' "$text" | cmp -s - "$path" || printf '%s\n' "$text" >"$path"
  record unit "$path" "$(sum "$path")"
}

use_systemd() {
  local unit
  directory "$units"
  for unit in "${wanted[@]}"; do write_unit "$unit"; done
  record enabled "$started"
  if booted && control daemon-reload && control enable --quiet "$started" && control restart "$started"; then
    if [ "$as_root" = false ] && [ ! -e "/var/lib/systemd/linger/$owner" ]; then say "to keep it after logout: loginctl enable-linger"; fi
  else
    say "not started; do it with: systemctl $([ "$as_root" = true ] || printf -- '--user ')enable --now $started"
  fi
}

use_cron() {
  local rest line="*/30 * * * *" command="$prefix/bin/$NAME check --notify --quiet"
  if [ "$as_root" = true ]; then
    directory /etc/cron.d
    printf '# A verdict (1, 2) is no failure; what it prints, cron mails.\n%s %s %s\n' "$line" "$owner" "$command" >"/etc/cron.d/$NAME"
    record cron "/etc/cron.d/$NAME" "$(sum "/etc/cron.d/$NAME")"
  else
    rest=$(crontab_without)
    printf '%s# %s begin\n%s %s\n# %s end\n' "${rest:+$rest$'\n'}" "$NAME" "$line" "$command" "$NAME" | crontab -
    record crontab "$owner"
  fi
}

install_program
write_settings
directory "$(dirname "$state")" as_owner
record state "$state"
remove_units "${wanted[@]}" "$started"
[ "$scheduler" = cron ] || remove_cron
case $scheduler in systemd) use_systemd ;; cron) use_cron ;; esac
say "installed; what it sees now:"
as_owner "$prefix/bin/$NAME" status --plain || say "status failed; 'model-auth-exporter doctor' says more"
