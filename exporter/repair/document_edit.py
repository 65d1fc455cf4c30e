"""Pure. Changes to one JSON or JSON5 text: what is not meant stays character by character, or nothing is changed at all."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from exporter.model import StoreKind, StoreRef
from exporter.repair.spans import Member, Span, Unreadable, comments, spans
from exporter.stores import json_text

_NOWHERE: Final = StoreRef("", "", StoreKind.CONFIG, "")
_SAME_LINE: Final = re.compile(r"(?:[ \t]|/\*[^\n\r]*?\*/)*(?://[^\n\r]*)?")
_KEY_INDENT: Final = re.compile(r"[\n\r]([ \t]*)\Z")


class Uneditable(Exception):
    """A text that cannot be changed without touching what is not meant; says why, without content."""


Keys = tuple[str, ...]


def tree_of(text: str) -> object:
    """Parse a document; raises Uneditable for one that is damaged, with its place."""
    parsed = json_text.load(text.encode(errors="surrogatepass"), _NOWHERE, json5=True)
    if parsed.value is None and parsed.problems:
        first = parsed.problems[0]
        raise Uneditable(f"{first.reason.value}{first.place and ' ' + first.place.removeprefix(': ')}")
    return parsed.value


def at(tree: object, path: Keys) -> object:
    """Return what stands at `path`; None when nothing does."""
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return None
        tree = tree[key]
    return tree


def put(text: str, path: Keys, value: object) -> str:
    """Set the member at `path`, with the objects that lead to it; raises Uneditable."""
    if at(tree_of(text), path) == value and value is not None:
        return text
    return _checked(text, _put(text, path, value), _with(tree_of(text), path, value))


def remove(text: str, path: Keys) -> str:
    """Take the member at `path` away; without one the text stays. Raises Uneditable."""
    expected = _without(tree_of(text), path)
    edited = text
    while (found := _find(_spans(edited), path)) is not None:
        holder, member = found
        edited = _cut(edited, holder, member)
    return _checked(text, edited, expected)


def put_first(text: str, path: Keys, item: str) -> str:
    """Make `item` the first of the list of strings at `path`, and take it from its other places; raises Uneditable."""
    listed = at(tree_of(text), path)
    if not isinstance(listed, list):
        raise Uneditable(f"{'.'.join(path)} is not a list")
    wanted = [item, *(one for one in listed if one != item)]
    if listed == wanted:
        return text
    found = _find(_spans(text), path)
    assert found is not None
    span = found[1].value
    if item in listed or not span.items:
        edited = _replace(text, span, wanted, _indent_of(text, found[1].start))
    else:
        first = span.items[0].start
        gap = text[span.start + 1 : first]
        between = gap if not gap.strip() and gap else " "
        edited = f"{text[:first]}{json.dumps(item, ensure_ascii=False)},{between}{text[first:]}"
    return _checked(text, edited, _with(tree_of(text), path, wanted))


def _spans(text: str) -> Span:
    try:
        return spans(text)
    except Unreadable:
        raise Uneditable("its places cannot be told for certain") from None


def _checked(before: str, after: str, expected: object) -> str:
    """Make sure a change says what it should, and lost no comment."""
    if json.dumps(tree_of(after), sort_keys=True) != json.dumps(expected, sort_keys=True):
        raise Uneditable("the change would touch more than it should")
    if comments(before) != comments(after):
        raise Uneditable("the change would lose a comment")
    return after


def _put(text: str, path: Keys, value: object) -> str:
    node = _spans(text)
    if node.members is None:
        raise Uneditable("it is not an object")
    for depth, key in enumerate(path):
        member = node.member(key)
        if member is None:
            for missing in reversed(path[depth + 1 :]):
                value = {missing: value}
            return _insert(text, node, key, value)
        if depth == len(path) - 1:
            return _replace(text, member.value, value, _indent_of(text, member.start))
        if member.value.members is None:
            raise Uneditable(f"{'.'.join(path[: depth + 1])} is not an object")
        node = member.value
    raise AssertionError("a path has at least one key")


def _find(root: Span, path: Keys) -> tuple[Span, Member] | None:
    holder = root
    for depth, key in enumerate(path):
        member = holder.member(key)
        if member is None:
            return None
        if depth == len(path) - 1:
            return holder, member
        holder = member.value
    return None


def _replace(text: str, span: Span, value: object, indent: str | None) -> str:
    return text[: span.start] + _rendered(text, value, indent) + text[span.end :]


def _insert(text: str, holder: Span, key: str, value: object) -> str:
    members = holder.members or ()
    name = json.dumps(key, ensure_ascii=False)
    if not members:
        return _insert_only(text, holder, name, value)
    last = members[-1].value
    indent = _indent_of(text, members[0].start)
    trailing = len(holder.commas) == len(members)
    after = holder.commas[-1] + 1 if trailing else last.end
    member = f"{name}: {_rendered(text, value, indent)}{',' if trailing else ''}"
    if indent is None:
        return f"{text[:after]}{' ' if trailing else ', '}{member}{text[after:]}"
    # A remark on the same line belongs to the member before; ours begins a line of its own.
    found = _SAME_LINE.match(text, after)
    line_end = found.end() if found and text[found.end() : found.end() + 1] in ("\n", "\r") else after
    return f"{text[:after]}{'' if trailing else ','}{text[after:line_end]}{_newline(text)}{indent}{member}{text[line_end:]}"


def _insert_only(text: str, holder: Span, name: str, value: object) -> str:
    """Put the first member into an empty object."""
    outer = _line_indent(text, holder.start)
    inner = outer + _step(text)
    line = _newline(text)
    inside = text[holder.start + 1 : holder.end - 1].rstrip(" \t\r\n")
    member = f"{inside}{line}{inner}{name}: {_rendered(text, value, inner)}{line}{outer}"
    return text[: holder.start + 1] + member + text[holder.end - 1 :]


def _cut(text: str, holder: Span, member: Member) -> str:
    members = holder.members or ()
    index = members.index(member)
    start, end = member.start, member.value.end
    if index < len(holder.commas):  # with the comma behind it, and the line when nothing else stands on it
        end = holder.commas[index] + 1
        blank = re.compile(r"[ \t]*(?:\r\n|\n|\r)?").match(text, end)
        end = blank.end() if blank and _indent_of(text, start) is not None and blank[0].endswith(("\n", "\r")) else end
        start -= len(_indent_of(text, start) or "") if end > holder.commas[index] + 1 else 0
    elif index:  # with the comma before it
        start = holder.commas[index - 1]
    else:
        start, end = holder.start + 1, holder.end - 1 if not text[end : holder.end - 1].strip() else end
    kept = comments(text[start:end])
    return text[:start] + "".join(kept) + text[end:]


def _with(tree: object, path: Keys, value: object) -> object:
    if not path:
        return value
    base = dict(tree) if isinstance(tree, Mapping) else {}
    return {**base, path[0]: _with(base.get(path[0]), path[1:], value)}


def _without(tree: object, path: Keys) -> object:
    if not isinstance(tree, Mapping) or path[0] not in tree:
        return tree
    if len(path) == 1:
        return {key: value for key, value in tree.items() if key != path[0]}
    return {**tree, path[0]: _without(tree[path[0]], path[1:])}


def _rendered(text: str, value: object, indent: str | None) -> str:
    """Write a value as the text around it is written; `indent` None: on one line."""
    if indent is None:
        return json.dumps(value, ensure_ascii=False)
    lines: Sequence[str] = json.dumps(value, ensure_ascii=False, indent=_step(text)).split("\n")
    return f"{_newline(text)}{indent}".join(lines)


def _indent_of(text: str, start: int) -> str | None:
    """Return the blanks before a key that begins its line; None when it does not."""
    found = _KEY_INDENT.search(text[max(0, start - 400) : start])
    return found[1] if found else None


def _line_indent(text: str, start: int) -> str:
    begin = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    line = text[begin:start]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _step(text: str) -> str:
    root = _spans(text)
    first = _indent_of(text, root.members[0].start) if root.members else None
    return first or "  "


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
