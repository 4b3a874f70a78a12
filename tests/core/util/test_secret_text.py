"""Texts of other libraries lose their secrets and keep the rest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelbase._util.secret_text import find_secrets, redact_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Signature:\nabcdef0123", "Signature:\n…"),
        ("x-amz-security-token:TOK/abc+==\nx-amz-date:20260101", "x-amz-security-token:…\nx-amz-date:20260101"),
        ("{'X-Amz-Security-Token': b'TOKEN', 'Range': b'0-9'}", "{'X-Amz-Security-Token': b'…', 'Range': b'0-9'}"),
        ("<Key>a</Key><SessionToken>abc</SessionToken>", "<Key>a</Key><SessionToken>…</SessionToken>"),
        ('b\'{"SecretAccessKey" : "x", "Code": "Success"}\'', 'b\'{"SecretAccessKey" : "…", "Code": "Success"}\''),
        ('{\\"access_token\\": \\"abc\\", \\"a\\": 3599}', '{\\"access_token\\": \\"…\\", \\"a\\": 3599}'),
        ('"GET /a/clip.mp4?sig=abc&x=1 HTTP/1.1" 200 12', '"GET /a/clip.mp4?… HTTP/1.1" 200 12'),
        ("[('Authorization', 'Bearer xy'), ('Host', 'a.org')]", "[('Authorization', '…'), ('Host', 'a.org')]"),
        ("Authorization: Basic abc\r\nHost: a.org", "Authorization: …\r\nHost: a.org"),
        ("Set-Cookie: a=1; Path=/\nAge: 3", "Set-Cookie: …\nAge: 3"),
        ("client_secret=a&refresh_token=b&grant_type=c", "client_secret=…&refresh_token=…&grant_type=c"),
        ("x-goog-api-key: abc", "x-goog-api-key: …"),
        ("assertion=eyJhbGciOi.eyJzdWIiOi.c2ln", "assertion=…"),
        ("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n.", "…\n."),
        ("https://lab:pw@host/a?b=c failed", "https://host/a?… failed"),
        ("the key is " + "0a" * 32 + ".", "the key is …."),
        ("token%3Dabc&name%3Dd", "token%3D…&name%3Dd"),
    ],
)  # fmt: skip
def test_what_is_left(text: str, shown: str) -> None:
    assert redact_secrets(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Event request-created.s3.GetObject: calling handler <function handle at 0x7f0a78e26390>",
        "Making request with params: {'url_path': '/clip.mp4', 'query_string': {}, 'method': 'GET', 'key': 'a/b.mp4'}",
        '"GET /videos/clip.mp4 HTTP/1.1" 206 1024',
        "Starting new HTTPS connection (1): storage.googleapis.com:443",
        "etag 'd41d8cd98f00b204e9800998ecf8427e', 2026-01-01T00:00:00+00:00, 3/4 = 75 %",
    ],
)
def test_what_stays(text: str) -> None:
    """Whoever looks for a fault sees what was asked for."""
    assert redact_secrets(text) == text


@given(
    before=st.text(max_size=30),
    secret=st.text(st.characters(codec="utf-8"), min_size=8, max_size=40),
    after=st.text(max_size=30),
)
@settings(max_examples=100, derandomize=True)
def test_a_known_value_is_nowhere(before: str, secret: str, after: str) -> None:
    """Plain, as Python writes it, and as URLs do; in fields as deep as they go."""
    fields = {"a": {"b": ["x", secret]}, "aws_region": "us-east-1"}
    known = set(find_secrets(fields))
    for spelled in known:
        assert spelled not in redact_secrets(before + spelled + after, known) or spelled in before + "…" + after
    assert "us-east-1" not in known


@given(text=st.text("aé'\"\\:=,<>?&/%{}[]()\n bB1-_.", max_size=200))
@settings(max_examples=200, derandomize=True)
def test_any_text_is_taken(text: str) -> None:
    """And what was redacted once is not changed again."""
    once = redact_secrets(f"token={text}")
    assert redact_secrets(once) == once
