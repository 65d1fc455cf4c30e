#!/bin/sh
# Command channel: one notice as JSON on standard input becomes an Android notification. A failure here is due again.
# One notification per cause: news replace what was said before, and a repair turns it into "resolved".
set -eu

program=$(
  cat <<'PYTHON'
import json, re, shlex, sys
notice = json.load(sys.stdin)
entry = (notice["entries"] or [{}])[0]
words = {
    "kind": notice["kind"],
    "severity": notice["severity"],
    "title": notice["title"],
    "text": notice["plain"],
    "id": "model-auth-" + re.sub(r"[^A-Za-z0-9]+", "-", notice.get("cause") or notice["kind"]).strip("-"),
    "fix": entry.get("command") or "",
    "page": entry.get("url") or "",
}
for name, value in words.items():
    print(f"{name}={shlex.quote(value.replace(chr(0), ''))}")
for name in ("fix", "page"):  # as one word of the line that the button runs
    print(f"{name}_quoted={shlex.quote(shlex.quote(words[name]))}")
PYTHON
)
said=$(python3 -c "$program")
eval "$said"
# shellcheck disable=SC2154  # all of them are set by the line above
case $kind/$severity in
  resolved/*) priority=low ;;
  canary/*) priority=min ;;
  */critical) priority=max ;;
  *) priority=high ;;
esac

# shellcheck disable=SC2154
set -- --id "$id" --title "$title" --content "$text" --priority "$priority"
# Android runs the actions without our PATH.
bin=${PREFIX:+$PREFIX/bin/}
# shellcheck disable=SC2154
if [ "$kind" != resolved ]; then
  [ "$priority" != max ] || set -- "$@" --vibrate 300,150,300
  [ -z "$page" ] || set -- "$@" --action "${bin}termux-open-url $page_quoted"
  [ -z "$fix" ] || set -- "$@" --button1 "Copy the repair" --button1-action "${bin}termux-clipboard-set $fix_quoted"
fi
exec timeout 15 termux-notification "$@" </dev/null
