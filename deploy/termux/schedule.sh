#!/bin/sh
# Asks Android to run job.sh again and again, over reboots too; the same job id replaces what was asked before.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$here/reach.sh"

network=any
! local_gateway || network=none # judging files needs no connection
exec timeout 15 termux-job-scheduler --script "$here/job.sh" --job-id 10987 --period-ms "$((PERIOD_MINUTES * 60000))" \
  --network "$network" --persisted true --battery-not-low false </dev/null
