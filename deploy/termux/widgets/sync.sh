#!/bin/sh
# Home screen, in a terminal: what is out of step (doctor), a restart of the gateway if wanted, and how things stand after it.
set -eu
# shellcheck source=../reach.sh
. "$(dirname "$0")/../reach.sh"

# The gateway's unit is named after its product; only the one that runs is restarted.
# shellcheck disable=SC2016  # the server's shell expands it
remote_restart='for name in openclaw clawdbot moltbot remoteclaw; do
  systemctl --user is-active --quiet "$name-gateway" && exec systemctl --user restart "$name-gateway"
done
echo "no gateway runs as a systemd user unit" >&2; exit 3'

restart() {
  if [ -n "$SERVER" ]; then
    over_ssh "${RESTART:-$remote_restart}"
  elif [ -n "$FROM" ]; then
    echo "A URL can only be read: set SERVER in $config."
    return 1
  elif [ -n "$RESTART" ]; then
    sh -c "$RESTART"
  else
    echo "How is the gateway restarted on this phone? Set RESTART in $config."
    return 1
  fi
}

if local_gateway; then "$EXPORTER" doctor || true
elif [ -n "$SERVER" ]; then over_ssh "$REMOTE doctor" || true; fi
ask
show
case $code in
  0 | 1 | 2) ;;
  *) exit "$code" ;;
esac
if ! confirm "Restart the gateway on $(place)?"; then
  echo "Not restarted."
  exit "$code"
fi
if ! restart; then
  echo "The gateway was not restarted."
  exit 1
fi
echo "Restarted; looking again in $SETTLE_SECONDS s …"
sleep "$SETTLE_SECONDS"
ask
show
exit "$code"
