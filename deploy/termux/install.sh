#!/bin/sh
# Installs model-auth-exporter on a phone with Termux. Nothing is compiled from Rust: what is compiled comes from pkg, the rest from pip.
# On a terminal it asks; elsewhere, or with --yes, it takes the defaults. A second run repairs and updates. Needs the apps Termux:API,
# and for the home screen and for boot Termux:Widget and Termux:Boot, all from the same source as Termux itself.
set -eu

usage='usage: install.sh [OPTION]...
  --local         the gateway runs on this phone (default)
  --server HOST   it runs on HOST, which ssh reaches; with neither Python nor the exporter here
  --from URL      it runs where an exporter answers at URL; with --server too, renewals go over ssh
  --source SPEC   what pip installs: a wheel, a checkout or a requirement (default: this checkout, else model-auth-exporter)
  --no-job        no check in the background
  --no-boot       nothing at boot
  --no-widgets    nothing for the home screen
  --yes           ask nothing
  --dry-run       say what would be done
  --remove        take everything away again, except settings and history'

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
share=$HOME/.local/share/model-auth-exporter
config=${XDG_CONFIG_HOME:-$HOME/.config}/model-auth-exporter
installed=$share/termux
link=${PREFIX:-}/bin/model-auth-exporter
job=10987
server='' from='' place='' source='' want_job=ask want_boot=ask want_widgets=ask asks=yes dry=no remove=no

complain() {
  printf 'install.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}
say() { printf '%s\n' "$*"; }

while [ $# -gt 0 ]; do
  case $1 in
    --server | --from | --source)
      [ -n "${2:-}" ] || complain "$1 needs a value" 64
      case $1 in
        --server) server=$2 place=given ;;
        --from) from=$2 place=given ;;
        --source) source=$2 ;;
      esac
      shift
      ;;
    --local) place=given ;;
    --no-job) want_job=no ;;
    --no-boot) want_boot=no ;;
    --no-widgets) want_widgets=no ;;
    --yes) asks=no ;;
    --dry-run) dry=yes ;;
    --remove) remove=yes ;;
    -h | --help)
      say "$usage"
      exit 0
      ;;
    *)
      say "$usage" >&2
      complain "unknown option $1" 64
      ;;
  esac
  shift
done
[ -t 0 ] || asks=no
if [ -z "${PREFIX:-}" ] || ! command -v pkg >/dev/null 2>&1; then
  complain "this is not Termux (no pkg, no \$PREFIX); on a Linux host use deploy/install.sh"
fi

# ---------------------------------------------------------------- doing

step() {
  if [ "$dry" = yes ]; then say "+ $*"; else "$@"; fi
}

write() { # MODE PATH, content on standard input
  if [ "$dry" = yes ]; then
    cat >/dev/null
    say "+ write $2"
    return
  fi
  mkdir -p "$(dirname "$2")"
  cat >"$2.new"
  chmod "$1" "$2.new"
  mv "$2.new" "$2"
}

# Termux:Widget and Termux:Boot run real files only, no links, and Android has no /bin/sh.
start_for() { # PATH SCRIPT
  printf '#!%s/bin/sh\nexec %s/bin/sh "%s/%s"\n' "$PREFIX" "$PREFIX" "$installed" "$2" | write 0700 "$1"
}

yes_to() { # ANSWER QUESTION; ANSWER is no, or ask
  [ "$1" = ask ] || return 1
  [ "$asks" = yes ] || return 0
  printf '%s [Y/n] ' "$2"
  read -r reply || reply=
  case $reply in
    [nN] | [nN]o) return 1 ;;
    *) return 0 ;;
  esac
}

told() { # PROMPT; sets reply
  printf '%s ' "$1"
  read -r reply || reply=
}

# ---------------------------------------------------------------- removing

take_away() {
  step timeout 15 termux-job-scheduler --cancel --job-id "$job" || say "The job could not be cancelled; Android forgets it with the file."
  step rm -f "$HOME/.shortcuts/tasks/Model auth status" "$HOME/.shortcuts/Model auth renew" "$HOME/.shortcuts/Model auth sync"
  step rm -f "$HOME/.termux/boot/model-auth-exporter"
  [ "$(readlink "$link" 2>/dev/null)" != "$share/venv/bin/model-auth-exporter" ] || step rm -f "$link"
  step rm -rf "$installed" "$share/venv" "$share/constraints.txt"
  say "Removed. Settings in $config and the history stay; packages of pkg too."
}

# ---------------------------------------------------------------- asking

where() {
  [ -z "$place" ] && [ ! -e "$config/termux.conf" ] && [ "$asks" = yes ] || return 0
  say "Where does the gateway run?" "  1 on this phone" "  2 on a server that ssh reaches" "  3 where an exporter answers at an address"
  told "1, 2 or 3 [1]"
  place=given
  case $reply in
    '' | 1) ;;
    2)
      told "Its name for ssh:"
      server=$reply
      [ -n "$server" ] || complain "nothing was given" 64
      ;;
    3)
      told "The address (https://…):"
      from=$reply
      [ -n "$from" ] || complain "nothing was given" 64
      told "Its name for ssh, for renewals (none: leave empty):"
      server=$reply
      ;;
    *) complain "neither 1, 2 nor 3" 64 ;;
  esac
}

sound() {
  case $server in
    -* | *[!A-Za-z0-9._@:-]*) complain "not a host for ssh: $server" 64 ;;
  esac
  case $from in
    '') ;;
    *[!A-Za-z0-9._~:/@%-]*) complain "--from: not an address" 64 ;;
    http://* | https://*) ;;
    *) complain "--from: write http://HOST:PORT or https://…" 64 ;;
  esac
}

# What an earlier installation was told counts where this one was told nothing.
earlier() {
  [ -z "$place" ] && [ -r "$config/termux.conf" ] || return 0
  # shellcheck source=/dev/null
  server=$(SERVER='' && . "$config/termux.conf" && printf '%s' "$SERVER")
  # shellcheck source=/dev/null
  from=$(FROM='' && . "$config/termux.conf" && printf '%s' "$FROM")
}

# ---------------------------------------------------------------- installing

# Over ssh alone, neither Python nor the exporter is needed on the phone.
runs_here() { [ -n "$from" ] || [ -z "$server" ]; }

packages() {
  set -- termux-api
  [ -z "$server" ] || set -- "$@" openssh
  # python-pydantic-core is the one compiled part; pip on Android finds no wheel of it and would start to build Rust.
  runs_here && set -- "$@" python python-pip python-pydantic-core
  step pkg install -y "$@"
}

exporter() {
  runs_here || return 0
  step python -m venv --system-site-packages "$share/venv"
  core=2.x
  if [ "$dry" = no ]; then
    core=$("$share/venv/bin/python" -c 'import pydantic_core; print(pydantic_core.__version__)') \
      || complain "python-pydantic-core does not load; pkg upgrade, then try again"
  fi
  # pydantic wants one exact core: this pin makes pip choose the pydantic that goes with the packaged one, and PyYAML stay pure Python.
  echo "pydantic-core==$core" | write 0644 "$share/constraints.txt"
  step env PYYAML_FORCE_LIBYAML=0 "$share/venv/bin/python" -m pip install --disable-pip-version-check --upgrade \
    --only-binary pydantic-core --constraint "$share/constraints.txt" "$source"
  step ln -sf "$share/venv/bin/model-auth-exporter" "$link"
}

our_scripts() {
  step mkdir -p "$installed/widgets"
  for name in reach.sh notify.sh job.sh schedule.sh boot.sh widgets/status.sh widgets/reauth.sh widgets/sync.sh; do
    sed "1s#^\#!/bin/sh#\#!$PREFIX/bin/sh#" "$here/$name" | write 0700 "$installed/$name"
  done
}

our_settings() {
  if [ -n "$place" ] || [ ! -e "$config/termux.conf" ]; then
    {
      if [ -e "$config/termux.conf" ]; then grep -v -e '^SERVER=' -e '^FROM=' "$config/termux.conf" || true
      else cat "$here/termux.conf.example"; fi
      [ -z "$server" ] || echo "SERVER='$server'"
      [ -z "$from" ] || echo "FROM='$from'"
    } | write 0600 "$config/termux.conf"
  fi
  [ -z "$server$from" ] || return 0
  if [ -e "$config/config.yaml" ]; then
    say "Kept $config/config.yaml; for notifications it needs the channel in $here/channel.yaml.example."
  else
    sed "s#/data/data/com.termux/files/home/.local/share/model-auth-exporter/termux#$installed#" "$here/channel.yaml.example" \
      | write 0600 "$config/config.yaml"
  fi
}

on_the_phone() {
  if yes_to "$want_widgets" "Put three shortcuts on the home screen (Termux:Widget)?"; then
    start_for "$HOME/.shortcuts/tasks/Model auth status" widgets/status.sh
    start_for "$HOME/.shortcuts/Model auth renew" widgets/reauth.sh
    start_for "$HOME/.shortcuts/Model auth sync" widgets/sync.sh
    say "Shortcuts: Model auth status, renew and sync. They replace those of the old scripts, which can be deleted."
  fi
  if yes_to "$want_boot" "Carry on after a restart of the phone (Termux:Boot)?"; then
    start_for "$HOME/.termux/boot/model-auth-exporter" boot.sh
  fi
  if yes_to "$want_job" "Check in the background every half hour?"; then
    step sh "$installed/schedule.sh" || say "The job could not be scheduled: is the app Termux:API installed?"
  fi
}

if [ "$remove" = yes ]; then
  take_away
  exit 0
fi
if [ -z "$source" ]; then
  source=model-auth-exporter
  [ ! -e "$here/../../pyproject.toml" ] || source=$(CDPATH='' cd -- "$here/../.." && pwd)
fi
where
sound
earlier
packages
exporter
our_scripts
our_settings
on_the_phone
say "Installed. Try: sh $installed/widgets/status.sh"
