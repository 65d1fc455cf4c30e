# shellcheck shell=sh
# Sourced by every script here: how the exporter is reached (on this phone, at a URL, over ssh), and how the phone is spoken to.
# Settings and their meaning: termux.conf.example.

config=${XDG_CONFIG_HOME:-$HOME/.config}/model-auth-exporter/termux.conf
state=${XDG_STATE_HOME:-$HOME/.local/state}/model-auth-exporter

# shellcheck disable=SC2034  # some are for the scripts that source this
SERVER=${OPENCLAW_SERVER:-${CLAWDBOT_SERVER:-}} FROM='' RESTART='' SERVE=no PERIOD_MINUTES=30 SETTLE_SECONDS=5
REMOTE=model-auth-exporter EXPORTER=model-auth-exporter
# shellcheck source=/dev/null
[ ! -r "$config" ] || . "$config"
case $SERVER in
  -*) SERVER='' ;; # would be an option of ssh
esac
mkdir -p "$state"

code=0 words=''

local_gateway() { [ -z "$FROM$SERVER" ]; }

place() {
  if [ -n "$FROM" ]; then printf '%s' "$FROM" | sed 's#//[^/@]*@#//#'
  elif [ -n "$SERVER" ]; then printf '%s' "$SERVER"
  else printf 'this phone'; fi
}

over_ssh() { ssh -o ConnectTimeout=5 -o BatchMode=yes -- "$SERVER" "$1" </dev/null; }

# Sets `code` to 0, 1 or 2 as `check` ends, or to anything else where nobody could be asked; `words` says why.
ask() {
  code=0
  if [ -n "$FROM" ]; then words=$("$EXPORTER" check --from "$FROM" 2>"$state/termux.err") || code=$?
  elif [ -n "$SERVER" ]; then words=$(over_ssh "$REMOTE check" 2>"$state/termux.err") || code=$?
  else words=$("$EXPORTER" check 2>"$state/termux.err") || code=$?; fi
  case $code/$words in
    [012]/'the running exporter cannot be asked'*) code=255 ;;
    127/*) words="$REMOTE is not installed there" ;;
    [012]/*)
      # What ssh itself ended with 1 or 2 has no words of a check.
      if [ -n "$words" ]; then remember; else code=255; fi
      ;;
  esac
  [ -n "$words" ] || words=$(tail -n 1 "$state/termux.err")
}

first_line() { printf '%s\n' "$words" | sed -n 1p; }

remember() { printf '%s %s\n%s\n' "$(date +%s)" "$code" "$words" >"$state/termux.last"; }

# What the last check that succeeded said, for when there is no connection.
last_answer() {
  [ -r "$state/termux.last" ] || { echo "no earlier answer"; return 0; }
  read -r at _ <"$state/termux.last"
  minutes=$((($(date +%s) - at) / 60))
  if [ "$minutes" -ge 120 ]; then age="$((minutes / 60)) h ago"; else age="$minutes min ago"; fi
  printf '%s: %s\n' "$age" "$(sed -n 2p "$state/termux.last")"
}

# Termux:API commands wait for ever where the Termux:API app is missing.
phone() { timeout 15 "$@" </dev/null >/dev/null 2>&1 || true; }

# The chosen one of "a,b,c", or nothing.
choose() {
  termux-dialog radio -t "$1" -v "$2" </dev/null | sed -n 's/.*"text": *"\([^"]*\)".*/\1/p'
}

confirm() {
  printf '%s [y/N] ' "$1"
  read -r reply || reply=
  case $reply in
    [yY] | [yY]es) return 0 ;;
    *) return 1 ;;
  esac
}

show() {
  case $code in
    0 | 1 | 2) printf '%s: %s\n' "$(place)" "$words" ;;
    *) printf 'No answer from %s: %s\nLast answer, %s\n' "$(place)" "$words" "$(last_answer)" ;;
  esac
}
