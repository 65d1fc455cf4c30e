#!/bin/sh
# Termux:Boot runs this when the phone has started: the daemon where SERVE=yes, else the job is asked for again.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$here/reach.sh"

if [ "$SERVE" != yes ]; then exec sh "$here/schedule.sh"; fi
phone termux-wake-lock
nohup "$EXPORTER" serve </dev/null >"$state/serve.log" 2>&1 &
