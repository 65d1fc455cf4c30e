#!/bin/sh
# Home screen, without a terminal: is everything fine? One tap, one toast; where something is not, what to do about it.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=../reach.sh
. "$here/reach.sh"

# The renewal asks questions, so it needs a terminal: it is put on the clipboard, and Termux is opened.
renew() {
  phone termux-clipboard-set "sh $here/widgets/reauth.sh"
  phone am start -n com.termux/com.termux.app.TermuxActivity -a android.intent.action.MAIN
  phone termux-toast "Paste into Termux: the renewal is on the clipboard"
}

ask
case $code in
  0)
    phone termux-vibrate -d 50
    phone termux-notification-remove model-auth
    phone termux-toast -s "$(first_line)"
    exit 0
    ;;
  1) buzz=300 title="A model login needs renewing" ;;
  2) buzz=100 title="A model login ends soon" ;;
  *)
    phone termux-vibrate -d 200
    phone termux-toast "No answer from $(place). Last answer, $(last_answer)"
    exit "$code"
    ;;
esac
phone termux-vibrate -d "$buzz"
case $(choose "$title" "Renew now,Keep a note,Dismiss") in
  "Renew now") renew ;;
  "Keep a note")
    phone termux-notification --id model-auth --priority high --title "$title" --content "$words" \
      --button1 "Copy the renewal" --button1-action "${PREFIX:+$PREFIX/bin/}termux-clipboard-set 'sh $here/widgets/reauth.sh'"
    ;;
  *) phone termux-toast "$(first_line)" ;;
esac
exit "$code"
