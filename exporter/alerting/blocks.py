"""Pure. The paragraphs of a message, and the two forms they take: plain text and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

Block = list[tuple[str, str]]  # (label, words); the label "$" is a command, "-" an item of a list, "" a line of its own

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")
_FENCE, _BROKEN_FENCE = "```", "` ` `"


def plain(blocks: Iterable[Block]) -> str:
    """Write paragraphs as text: commands indented, so that they stand out on a small screen."""
    return "\n\n".join("\n".join(_plain_line(label, text) for label, text in block) for block in blocks)


def markdown(blocks: Iterable[Block]) -> str:
    """Write paragraphs as Markdown; no words of others become markup."""
    return "\n\n".join("\n".join(_markdown_lines(block)).rstrip() for block in blocks)


def _plain_line(label: str, text: str) -> str:
    if label == "$":
        return "\n".join(f"    {line}" for line in text.split("\n"))
    return f"- {text}" if label == "-" else f"{label}: {text}".rstrip() if label else text


def _markdown_lines(block: Block) -> Iterator[str]:
    before = "-"
    for label, text in block:
        if label == "$":
            yield f"{_FENCE}\n{text.replace(_FENCE, _BROKEN_FENCE)}\n{_FENCE}"
        elif label == "-":
            if before != "-":
                yield ""  # a list does not begin inside a paragraph
            yield f"- {_escaped(text)}"
        elif label:
            yield f"**{label}:** {text if text.startswith('https://') else _escaped(text)}".rstrip() + "  "
        else:
            yield f"**{_escaped(text)}**"
        before = label


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
