"""Pure. Content negotiation with quality values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.negotiation import OPENMETRICS, TEXT, TEXT_1, Format, accepts_gzip, choose_format

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        pytest.param("", TEXT, id="nothing said"),
        pytest.param("*/*", TEXT, id="anything"),
        pytest.param(PROMETHEUS_2, OPENMETRICS, id="Prometheus 2"),
        pytest.param(PROMETHEUS_3, OPENMETRICS, id="Prometheus 3"),
        pytest.param("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT, id="browser"),
        pytest.param("application/openmetrics-text", OPENMETRICS, id="no version"),
        pytest.param("application/openmetrics-text; version=0.0.1", TEXT, id="a version we do not write"),
        pytest.param('application/openmetrics-text; version="1.0.0"', OPENMETRICS, id="quoted version"),
        pytest.param("application/openmetrics-text;q=0.3, text/plain;q=0.4", TEXT, id="text is wanted more, named later"),
        pytest.param("text/plain;q=0.3, application/openmetrics-text;q=0.4", OPENMETRICS, id="OpenMetrics is wanted more"),
        pytest.param("application/openmetrics-text, text/plain", OPENMETRICS, id="equals: first named"),
        pytest.param("text/plain, application/openmetrics-text", TEXT, id="equals: first named, the other way"),
        pytest.param("*/*, application/openmetrics-text", OPENMETRICS, id="equals: the more specific"),
        pytest.param("application/openmetrics-text;q=0, */*", TEXT, id="refused"),
        pytest.param("text/plain;version=0.0.4;q=0, text/plain;version=1.0.0", TEXT_1, id="text 1.0.0"),
        pytest.param("text/plain;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.1", TEXT_1, id="text 1.0.0 wanted more"),
        pytest.param("application/*", OPENMETRICS, id="a type"),
        pytest.param("application/json", TEXT, id="nothing we have"),
        pytest.param("APPLICATION/OpenMetrics-Text", OPENMETRICS, id="any case"),
        pytest.param("application/openmetrics-text;q=high, text/plain;q=0.1", TEXT, id="nonsense quality"),
        pytest.param("application/openmetrics-text;q=7, text/plain;q=0.1", TEXT, id="quality out of range"),
    ],
)
def test_the_format(accept: str, chosen: Format) -> None:
    assert choose_format(accept) is chosen


@pytest.mark.parametrize(
    ("header", "welcome"),
    [
        ("", False), ("gzip", True), ("deflate, gzip;q=1.0, *;q=0.5", True), ("gzip;q=0", False), ("*", True), ("identity", False), ("br", False),
        ("identity;q=1, gzip;q=0.5", False), ("GZIP", True), ("*;q=0", False), ("x-gzip", True), ("gzip;q=0, *", False),
    ],
)  # fmt: skip
def test_gzip(header: str, welcome: bool) -> None:
    assert accepts_gzip(header) is welcome


@given(st.text())
def test_any_header_gets_an_answer(header: str) -> None:
    assert choose_format(header) in (TEXT, TEXT_1, OPENMETRICS)
    assert accepts_gzip(header) in (True, False)
