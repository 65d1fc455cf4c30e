#!/bin/sh
# Stands in for the old auth-monitor.sh: the same variables and exit codes, over `model-auth-exporter check --notify`.
#
#   WARN_HOURS    2; warn when what is in use ends within this many whole hours
#   NOTIFY_NTFY   an ntfy topic, or ntfy://HOST/TOPIC, ntfys://…, http(s)://… of your own server
#   NOTIFY_PHONE  an Apprise URL that reaches the phone (a bare number was never deliverable: the gateways have no such command)
#   EXPORTER      the command; else model-auth-exporter
#
# Neither NOTIFY_ variable: the channels of the settings file. Exit 1 expired or missing, 0 expiring or fine; from 64 on it is
# the exporter that failed.
set -eu

complain() {
  echo "${0##*/}: $1" >&2
  exit 64
}

warn=${WARN_HOURS:-2}
case $warn in
  '' | *[!0-9]*) complain "WARN_HOURS: whole hours, not '$warn'" ;;
esac
while [ "${#warn}" -gt 1 ] && [ "${warn#0}" != "$warn" ]; do warn=${warn#0}; done
# shellcheck disable=SC2089,SC2090  # the quotes are JSON's
if [ "$warn" -eq 0 ]; then # the old script never warned then
  export MODEL_AUTH_EXPORTER_EXPIRY__WARN=1s MODEL_AUTH_EXPORTER_EXPIRY__STAGES='["1s"]'
else
  export MODEL_AUTH_EXPORTER_EXPIRY__WARN="${warn}h" MODEL_AUTH_EXPORTER_EXPIRY__STAGES="[\"${warn}h\"]"
fi

# What goes into a JSON string below must not be able to leave it.
plain() {
  case $2 in
    *[![:graph:]]* | *\"* | *\\*) complain "$1: no blanks, quotes or backslashes, please" ;;
  esac
}

channels=
add() {
  channels="${channels:+$channels, }{\"name\": \"$1\", \"url\": \"$2\"}"
}

ntfy=${NOTIFY_NTFY:-}
plain NOTIFY_NTFY "$ntfy"
case $ntfy in
  '') ;;
  ntfy://* | ntfys://*) add ntfy "$ntfy" ;;
  http://*) add ntfy "ntfy://${ntfy#http://}" ;;
  https://*) add ntfy "ntfys://${ntfy#https://}" ;;
  *[!A-Za-z0-9_-]*) complain "NOTIFY_NTFY: neither a topic nor an address" ;;
  *) add ntfy "ntfy://$ntfy" ;;
esac

phone=${NOTIFY_PHONE:-}
plain NOTIFY_PHONE "$phone"
case $phone in
  '') ;;
  *://*) add phone "$phone" ;;
  *) echo "${0##*/}: NOTIFY_PHONE: no gateway can send to a bare number; give an Apprise URL, such as signal:// or twilio://" >&2 ;;
esac

# shellcheck disable=SC2089,SC2090
[ -z "$channels" ] || export MODEL_AUTH_EXPORTER_CHANNELS="[$channels]"

code=0
words=$("${EXPORTER:-model-auth-exporter}" check --notify) || code=$?
said=$(printf '%s' "$words" | tr '\n' ';' | sed 's/;/; /g')
case $code in
  0) said="Auth OK: $said" ;;
  1) said="Auth EXPIRED or missing: $said" ;;
  2) said="Auth expiring: $said" ;;
esac
[ -z "$said" ] || printf '%s - %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "$said"
[ "$code" -ne 2 ] || code=0
exit "$code"
