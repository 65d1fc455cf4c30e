"""Edge. Faults of addresses that can be seen without sending anything. No word of a URL is repeated: it is a secret.

Apprise itself is not loaded: the list of its services is ours, and a newer one is looked for in its files.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from exporter.model import Secret
from exporter.settings import Alerts, Channel, Settings
from exporter.settings_file.text import closest

Place = tuple[str | int, ...]
Fault = tuple[Place, str, str]  # where, what is wrong, what to do

_SCHEMA: Final = re.compile(r"([A-Za-z][A-Za-z0-9]{1,20})://.", re.DOTALL)
_PROXIES: Final = ("http", "https", "socks5", "socks5h")
_SEVERITIES: Final = ("critical", "warning", "info")
# Source: Apprise, every schema of the plug-ins of 2.2, then those that only 1.8 has.
_NAMES: Final = """
    46elks amqp amqps apprise apprises aprs atalk azure bark barks betterstack blink1 bluesky brevo bsky bulksms bulkvs burstsms
    chanify clickatell clicksend cliq cm d7sms dapnet dbus deltachat deltachats dingtalk discord dot eight00com elks emby embys
    enigma2 enigma2s evolution evolutions exotel fcm feishu firehydrant flock flowtriq flowtriqs fluxer fluxers form forms freemobile
    gchat gio github glib gnome goalert goalerts gorush gorushs gotify gotifys groundmail groupme growl guilded gupshup hassio hassios
    httpsms humhub humhubs ifttt ilert incidentio infobip irc ircs jellyfin jellyfins jira join json jsons kakao kakaotalk kaleyra
    kavenegar kde klr kodi kodis kook kudosity kumulos lametric lametrics lark lauther lfg line macosx mailersend mailgun mailto
    mailtos mastodon mastodons matrix matrixs misskey misskeys mmost mmosts mobilemessage mobilemsg mqtt mqtts msg91 msgbird ncloud
    nclouds nctalk nctalks nexmo nostr notica noticas notifiarr notifico notificos notifyre ntfy ntfys o365 octopush onebot onebots
    onesignal opsgenie pagerduty pagertree parsep parseps pbul pinglet pinglets pingram pjet pjets plivo postmark pover prowl psafer
    psafers push pushdeer pushdeers pushed pushme pushplus pushward pushy qq qt reddit resend revolt ringc rocket rockets rsyslog
    ryver schan sendgrid sendpulse serwersms ses session sessions seven sfr signal signalgrid signals signl4 simplepush sinch slack
    smpp smpps smsc smseagle smseagles smsmanager smsmgr smstunnel smtp2go sns sogs sparkpost spike splunk spugpush spush squadcast
    stackfield strmlabs synology synologys syslog telesign telnyx tgram threema toot toots trigv trigvs tweet twilio twist twitter
    vapid viber victorops voipms vonage webex wechat wecom wecombot whapi whatsapp windows workflow workflows wpush wxpusher wxteams x
    xbmc xbmcs xmatters xml xmls xmpp xmpps youlmk zalo zcliq zohocliq zoom zulip
    boxcar chantify lsea lseas lunasea lunaseas msteams popcorn
"""
SCHEMAS: Final = frozenset(_NAMES.split())


def faults(settings: Settings) -> Iterator[Fault]:
    """Find what is wrong with the channels and other addresses, and names of findings that do not exist."""
    if settings.metrics.push is not None:
        yield from _web(("metrics", "push"), settings.metrics.push, "http://HOST:9091")
    if settings.probes.proxy is not None:
        yield from _web(("probes", "proxy"), settings.probes.proxy, "http://HOST:3128", _PROXIES)
    for place, name in enumerate(settings.alerts.disable):
        yield from _unknown_finding(("alerts", "disable", place), name)
    for place, channel in enumerate(settings.channels):
        for path, message, remedy in _channel(channel, settings.alerts):
            yield ("channels", place, *path), message, remedy


def _channel(channel: Channel, alerts: Alerts) -> Iterator[Fault]:
    if sum(map(bool, (channel.url, channel.alertmanager, channel.heartbeat, channel.command))) != 1:
        yield (), "needs exactly one of url, alertmanager, heartbeat, command", "keep one"
    if channel.url is not None:
        yield from _apprise(channel.url)
    for place, peer in enumerate(channel.alertmanager):
        yield from _web(("alertmanager", place), peer, "http://HOST:9093")
    if channel.heartbeat is not None:
        yield from _web(("heartbeat",), channel.heartbeat, "https://HOST/PATH")
    if channel.command and not channel.command[0].strip():
        yield ("command",), "names no program", 'write ["program", "argument"]'
    if not channel.severities:
        yield ("severities",), "empty: nothing would ever match", f"write some of {', '.join(_SEVERITIES)}"
    for place, tag in enumerate(channel.tags):
        yield from _tag(("tags", place), tag, channel, alerts)


def _apprise(url: Secret) -> Iterator[Fault]:
    found = _SCHEMA.match(url.reveal().strip())
    if found is None:
        yield ("url",), "not a URL of Apprise", "write SERVICE://…, such as ntfy://TOPIC, mailto://USER:PASSWORD@HOST, tgram://TOKEN/CHAT"
        return
    schema = found[1].lower()
    if schema not in SCHEMAS and not _newer(schema):
        close = closest(schema, SCHEMAS)
        hint = f"did you mean {close}://?" if close else "its list of services says what there is"
        yield ("url",), "Apprise has no service of this name", hint


def _newer(schema: str) -> bool:
    """Look for a service in the installed Apprise without loading it."""
    spec = importlib.util.find_spec("apprise")
    if spec is None or spec.origin is None:
        return False
    wanted = re.compile(rf"""["']{re.escape(schema)}["']""")
    return any(wanted.search(file.read_text("utf-8", "replace")) for file in (Path(spec.origin).parent / "plugins").rglob("*.py"))


def _web(path: Place, url: Secret, example: str, schemes: Collection[str] = ("http", "https")) -> Iterator[Fault]:
    try:
        parts = urlsplit(url.reveal())
        fine = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        yield path, "not a web address", f"write {example}"


def _tag(path: Place, tag: str, channel: Channel, alerts: Alerts) -> Iterator[Fault]:
    if not tag.strip() or re.search(r"[=~\"]", tag):
        yield path, "not a tag", "write one bare word: a severity, gateway, agent, provider or finding's name"
    elif tag in _SEVERITIES and tag not in channel.severities:
        yield path, "can never match: this channel does not get this severity", "add it to severities, or take the tag out"
    elif tag in alerts.disable:
        yield path, "can never match: this finding is disabled", "take it out of alerts.disable, or take the tag out"


def _unknown_finding(path: Place, name: str) -> Iterator[Fault]:
    from exporter.findings.catalogue import BY_NAME  # only where a name has to be checked

    if name not in BY_NAME:
        close = closest(name, BY_NAME)
        yield path, "no such finding", f"did you mean {close}?" if close else f"the findings are {', '.join(sorted(BY_NAME))}"
