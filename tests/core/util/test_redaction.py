"""URLs as they are shown, and which of their parameters are secrets."""

from __future__ import annotations

import base64
import random
import secrets
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbase._util.url_secrets import find_secret
from reelbase._util.urls import redacted_text
from reelbase.plugin import redacted


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/a.mp4", "https://host/a.mp4"), ("https://host/a.mp4?sig=SECRET", "https://host/a.mp4?…"),
        ("https://host/a.mp4#SECRET", "https://host/a.mp4?…"), ("https://me:SECRET@host:8/a", "https://host:8/a"),
        ("https://SECRET@host", "https://host"), ("s3://bucket/a@b.mp4", "s3://bucket/a@b.mp4"),
        ("https://host/a?x=me@SECRET", "https://host/a?…"), ("videos/a?b.mp4", "videos/a?b.mp4"),
        (" https://host/a.mp4?sig=SECRET", " https://host/a.mp4?…"),
        ("simplecache::https://host/a?sig=SECRET", "simplecache::https://host/a?…"),
        ("https://me:SEC@RET@host/a", "https://host/a"), ("https://me:SEC/RET@host/a", "https://…"),
        ("https://host/a;jsessionid=SECRET/b.mp4", "https://host/a;jsessionid=…/b.mp4"),
        ("https://host/hdnts=exp=1~hmac=SECRET/a.mp4", "https://host/hdnts=…/a.mp4"),
        ("https://host/t/eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0In0.SECRET/a", "https://host/t/…/a"),
        ("https://[::1]:80/a", "https://[::1]:80/a"), ("s3://arn:aws:s3:x:1:accesspoint/y/a", "s3://arn:aws:s3:x:1:accesspoint/y/a"),
        ("://?SECRET", "://?SECRET"), ("https://host/a?\nSECRET", "https://host/a?…"),
    ],
)  # fmt: skip
def test_redacted(url: str, shown: str) -> None:
    assert redacted(url) == shown
    assert redacted(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("No dataset at 'https://h/a b?sig=SECRET'.", "No dataset at 'https://h/a b?…'."),
        ("https://u:SECRET@h/a?sig=SECRET, then http://h/b?k=SECRET: 403", "https://h/a?…, then http://h/b?…: 403"),
        ("see https://docs.example/x.", "see https://docs.example/x."), ("a?b=c and d://", "a?b=c and d://"),
        ("(gdrive://x?resourcekey=SECRET)", "(gdrive://x?…)"), ("", ""),
    ],
)  # fmt: skip
def test_urls_in_texts(text: str, shown: str) -> None:
    assert redacted_text(text) == shown


def test_long_texts_take_no_time() -> None:
    began = time.perf_counter()
    for text in ("a" * 30_000, "a://" * 3_000, "@" * 30_000, "https://" + "@" * 30_000, ";a" * 10_000):
        redacted(text)
        redacted_text(text)
        find_secret(f"https://host/{text}?{text}")
    assert time.perf_counter() - began < 5


@given(st.text(max_size=30), st.sampled_from(["?", "#", "?a&"]), st.text("abc/?#@: ", max_size=12))
def test_nothing_behind_the_path_is_shown(before: str, mark: str, path: str) -> None:
    assert "S3CRET" not in redacted(f"https://host/{path.replace('?', '').replace('#', '')}{mark}{before}S3CRET")


SECRET_NAMES = [
    "hmac", "code", "session", "bearer", "sid", "ticket", "token", "sig", "signature", "key", "auth", "password",
    "api_key", "api-key", "X-Amz-Signature", "x-amz-security-token", "X-Amz-Credential", "X-Amz-Expires",
    "X-Goog-Signature", "GoogleAccessId", "AWSAccessKeyId", "Key-Pair-Id", "Policy", "Signature", "Expires",
    "sv=1&sig", "se", "sas", "jwt", "access_token", "id_token", "refresh_token", "authToken", "auth_key",
    "X-Api-Key", "apikey", "subscription-key", "sharekey", "client_secret", "secret", "pwd", "passwd", "pass",
    "passphrase", "otp", "pin", "nonce", "md5", "hash", "st", "e=1&hmac", "hdnea", "hdnts", "session_id",
    "sessionid", "PHPSESSID", "JSESSIONID", "connect.sid", "cookie", "csrf_token", "oauth_signature", "oauth_token",
    "ticketId", "authCode", "access-code", "verification_code", "SAMLResponse", "sso", "tkn", "cred", "assertion",
    "%74oken", "%2574oken", "auth%5Btoken%5D", "\uff54\uff4f\uff4b\uff45\uff4e", "verify_hmac_sha256",
    "x-oss-signature", "x-cos-security-token",
]  # fmt: skip


@pytest.mark.parametrize("name", SECRET_NAMES)
@pytest.mark.parametrize("form", ["https://host/a.mp4?{}=abc", "s3://bucket/a?x=1&{}=abc", "https://host/a#{}=abc"])
def test_names_of_secrets(name: str, form: str) -> None:
    assert find_secret(form.format(name)), "not taken for a secret"


PUBLIC = [
    "version=3", "versionId=3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo",
    "generation=1699999999999999", "id=550e8400-e29b-41d4-a716-446655440000", "v=dQw4w9WgXcQ",
    "list=PLrAXtmErZgOeiKm4sgNOknGvNjby9efdf", "author=me", "resourcekey=0-AbCdEf", "file=clip.mp4&download=1",
    "t=3.5", "alt=media", "path=%2Fa%2Fb.mp4", "monkey=1", "design=2", "date=2024-01-01",
    "sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "keyframe=3", "position=4",
    "rev=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "raw", "usp=sharing", "assistant=no",
    "passage=2", "name=Experiment-2024-05-17_Mouse-A12_Arena-3_Trial-0007_TopView",
    "camera=Camera01_FrontLeft_20240101T120000Z_Segment0003",
    "clip=GH010123_GoPro_Hero9_Quarter_2024_Lab7_SubjectMK21_QuadView",
    "url=https%3A%2F%2Fhost%2Fa.mp4%3Fversion%3D3",
]  # fmt: skip


@pytest.mark.parametrize("query", PUBLIC)
def test_names_of_no_secrets(query: str) -> None:
    assert find_secret(f"https://host/a.mp4?{query}") is None


FORMS = [
    "x=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "id=AKIAIOSFODNN7EXAMPLE",
    "x=ya29.A0ARrdaM-abcdefghijklmnop", "k=ghp_abcdefghijklmnopqrstuvwxyz012345", "x=Bearer%20abcdefgh1234",
    "u=https%3A%2F%2Fhost%2Fa%3Fsig%3Dabc", "hd=exp%3D1~hmac%3Dabc",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x",
]  # fmt: skip


@pytest.mark.parametrize("query", FORMS)
def test_values_that_only_secrets_have(query: str) -> None:
    assert find_secret(f"https://host/a.mp4?{query}")


def test_values_as_long_and_random_as_keys() -> None:
    """Of 256 bits, in the three spellings: 98 in 100 are seen."""
    random_ = random.Random(19)
    raw = [random_.randbytes(32) for _ in range(2000)]
    values = [base64.urlsafe_b64encode(key).rstrip(b"=").decode() for key in raw]
    values += [base64.b64encode(key).decode() for key in raw] + [key.hex() for key in raw]
    seen = sum(find_secret(f"https://host/a?x={value}") is not None for value in values)
    assert seen > 0.98 * len(values)


@pytest.mark.parametrize(
    "url",
    [
        "https://host/a;jsessionid=12AB/b.mp4", "https://host/a.mp4;token=x", "https://host/hdnts=exp=1~acl=/*~hmac=ab/a",
        "https://host/exp=1~hmac=ab/a", "https://host/x/eyJhbGciOiJI.eyJzdWIiOiIx.abc/a",
    ],
)  # fmt: skip
def test_secrets_in_paths(url: str) -> None:
    assert find_secret(url)


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/session=3/code=US/key=5/a.mp4", "https://host/session=3/a.mp4", "https://host/token/a.mp4",
        "https://host/a;v=3/b.mp4", "file:///videos/secret;token=1.mp4",
    ],
)  # fmt: skip
def test_ordinary_paths(url: str) -> None:
    assert find_secret(url) is None


def test_what_is_said_holds_no_secret() -> None:
    for _ in range(200):
        value = secrets.token_urlsafe(32)
        for url in (f"https://host/a?x={value}", f"https://host/a?{value}", f"https://host/a?sig={value}#{value}"):
            assert value not in str(find_secret(url))
