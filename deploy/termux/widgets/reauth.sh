#!/bin/sh
# Home screen, in a terminal: what is wrong, then the guided renewal where the gateway is.
set -eu
# shellcheck source=../reach.sh
. "$(dirname "$0")/../reach.sh"

ask
show
case $code in
  0) exit 0 ;;
  1 | 2) ;;
  *) exit "$code" ;;
esac
if ! confirm "Renew it now?"; then
  echo "Nothing was changed."
  exit "$code"
fi

ended=0
if [ -n "$SERVER" ]; then
  ssh -t -o ConnectTimeout=5 -- "$SERVER" "$REMOTE reauth" || ended=$?
elif [ -n "$FROM" ]; then
  printf 'A URL can only be read. Set SERVER in %s, or run there: %s reauth\n' "$config" "$REMOTE"
  exit "$code"
else
  "$EXPORTER" reauth || ended=$?
fi
if [ "$ended" -ne 0 ]; then
  echo "The renewal did not succeed ($ended); try again, or see: $REMOTE doctor"
  exit "$ended"
fi
ask
show
case $code in
  0) phone termux-notification-remove model-auth ;;
  *) echo "Still not fine. A gateway that keeps its logins in memory may need a restart: the Sync shortcut does it." ;;
esac
exit "$code"
