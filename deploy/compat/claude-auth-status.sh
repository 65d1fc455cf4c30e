#!/bin/sh
# Stands in for the old claude-auth-status.sh [full|json|simple]: same words, same exit codes, judged by model-auth-exporter.
#
#   simple   OK (0), CLAUDE_EXPIRED (1), OPENCLAW_EXPIRED (1), CLAUDE_EXPIRING (2), OPENCLAW_EXPIRING (2)
#   json     {"claude_code": {"status", "expires_at_ms"}, "openclaw": {…}, "needs_reauth"}, always 0
#   full     a report for people, always 0
#
# Exit codes from 64 on are failures of the exporter itself, which the old script could not tell from an expired login.
#
#   EXPORTER       the command; else model-auth-exporter
#   PYTHON         an interpreter; else python3
#   GATEWAY_WORD   OPENCLAW; older trees said CLAWDBOT or MOLTBOT
#   CLAUDE_CODE    required; "optional" where the gateway works without a Claude Code login of its own
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
mode=${1:-full}
case $mode in
  full | json | simple) ;;
  *)
    echo "usage: ${0##*/} [full|json|simple]" >&2
    exit 64
    ;;
esac

# The old scripts warned one hour before the end.
code=0
document=$(MODEL_AUTH_EXPORTER_EXPIRY__WARN=1h "${EXPORTER:-model-auth-exporter}" check --json) || code=$?
case $code in
  0 | 1 | 2) ;;
  *) exit "$code" ;;
esac

code=0
printf '%s\n' "$document" | "${PYTHON:-python3}" "$here/old_words.py" "$mode" || code=$?
[ "$mode" = full ] || exit "$code"

printf '\n=== Service Status ===\n'
for family in openclaw clawdbot moltbot remoteclaw; do
  if systemctl --user is-active --quiet "$family-gateway" 2>/dev/null; then
    echo "$family-gateway: running"
    exit 0
  fi
done
if command -v systemctl >/dev/null 2>&1; then
  echo "gateway service: NOT running as a systemd user unit"
else
  echo "gateway service: unknown, this host has no systemctl"
fi
