#!/bin/sh
# What termux-job-scheduler runs: one pass, and a notification when something is new.
# On the phone's own gateway the exporter does the alerting, over the channels of its settings. A gateway elsewhere is asked, and
# what changed is told: alerting proper belongs to the exporter there.
set -eu
. "$(dirname "$0")/reach.sh"

if local_gateway; then
  "$EXPORTER" check --notify --quiet 2>"$state/termux.err" || code=$?
  case $code in
    0 | 1 | 2) phone termux-notification-remove model-auth-job ;;
    *)
      phone termux-notification --id model-auth-job --priority high --title "Model logins are not being watched" \
        --content "model-auth-exporter ended with $code: $(tail -n 1 "$state/termux.err")" --alert-once
      ;;
  esac
  exit "$code"
fi

ask
told=$state/termux.told missed=$state/termux.missed
case $code in
  0 | 1 | 2)
    if [ -e "$missed" ]; then
      rm -f "$missed"
      phone termux-notification-remove model-auth-reach
    fi
    ;;
  *)
    # One miss is a phone in a tunnel.
    echo miss >>"$missed"
    if [ "$(wc -l <"$missed")" -eq 2 ]; then
      phone termux-notification --id model-auth-reach --priority default --title "No answer from $(place)" \
        --content "$words. Last answer, $(last_answer)"
    fi
    exit "$code"
    ;;
esac

new="$code $words"
old=$(cat "$told" 2>/dev/null || echo 0)
if [ "$code" -eq 0 ]; then
  rm -f "$told"
  case $old in
    0*) ;;
    *) phone termux-notification --id model-auth --priority low --title "Model logins are fine again" --content "$words" ;;
  esac
elif [ "$new" != "$old" ]; then
  title="A model login ends soon" priority=default
  [ "$code" -eq 2 ] || title="A model login needs renewing" priority=high
  phone termux-notification --id model-auth --priority "$priority" --title "$title" --content "$words"
  printf '%s' "$new" >"$told"
fi
exit "$code"
