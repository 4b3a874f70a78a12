"""Settings: who wins, who may set what, and what errors say."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

import pytest

from reelbase import config
from reelbase._util.once import Once
from reelbase.config.keys import collect_keys, make_choice_parser, make_count_parser, parse_names, parse_size
from reelbase.errors import ConfigError, ConfigWarning
from reelbase.testing._threads import together

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reelbase.config import Settings

    Load = Callable[..., Settings]


@pytest.fixture
def read(tmp_path: Path) -> Load:
    """Load settings from a user file, a project file, a pyproject.toml and an environment, given as text."""

    def read(*, user: str = "", project: str = "", pyproject: str = "", **environ: str) -> Settings:
        (tmp_path / "xdg" / "reelbase").mkdir(parents=True, exist_ok=True)
        (tmp_path / "xdg" / "reelbase" / "config.toml").write_text(user)
        work = tmp_path / "work" / "deep" / "er"
        work.mkdir(parents=True, exist_ok=True)
        for name, text in (("reelbase.toml", project), ("pyproject.toml", pyproject)):
            if text:
                (tmp_path / "work" / name).write_text(text)
        return config.load({"XDG_CONFIG_HOME": str(tmp_path / "xdg"), **environ}, work)

    return read


def _origins(settings: Settings) -> dict[str, str]:
    return {line.key: line.origin for line in settings.explain()}


def test_defaults(read: Load) -> None:
    settings = read()
    assert (settings.stream_above, settings.cache_bytes, settings.threads) == (16_000_000, 256_000_000, 0)
    assert (settings.plugins.allow, settings.plugins.deny) == (None, ())
    assert (settings.prefer, settings.storage) == ({}, {})
    security = settings.security
    assert (security.max_pixels, security.max_frames) == (67_108_864, 10_000_000)
    assert (security.local_links, security.network) == ("deny", "any")
    assert set(_origins(settings).values()) == {"default"}


def test_environment_over_project_over_user(read: Load, tmp_path: Path) -> None:
    settings = read(
        user='stream_above = "1MB"\ncache_bytes = "1MB"\nthreads = 1',
        project='stream_above = "2MB"\ncache_bytes = "2MB"',
        REELBASE_STREAM_ABOVE="3MB",
    )
    assert (settings.stream_above, settings.cache_bytes, settings.threads) == (3_000_000, 2_000_000, 1)
    origins = _origins(settings)
    assert origins["stream_above"] == "REELBASE_STREAM_ABOVE"
    assert origins["cache_bytes"] == str(tmp_path / "work" / "reelbase.toml")
    assert origins["threads"] == str(tmp_path / "xdg" / "reelbase" / "config.toml")


def test_pyproject(read: Load) -> None:
    settings = read(pyproject="[project]\nname = 'x'\n[tool.reelbase]\nthreads = 3\n[tool.other]\nthreads = 9")
    assert settings.threads == 3


def test_reelbase_toml_before_pyproject(read: Load) -> None:
    assert read(project="threads = 2", pyproject="[tool.reelbase]\nthreads = 3").threads == 2


def test_a_pyproject_of_somebody_else_is_passed_by(read: Load, tmp_path: Path) -> None:
    (tmp_path / "work" / "deep").mkdir(parents=True)
    (tmp_path / "work" / "deep" / "pyproject.toml").write_text("[project]\nname = 'reelbase-user'")
    (tmp_path / "work" / "pyproject.toml").write_text("[tool.reelbase]\nthreads = 4")
    assert read().threads == 4


def test_a_broken_pyproject_without_us_is_passed_by(read: Load) -> None:
    assert read(pyproject="this is not [toml").threads == 0


def test_the_nearest_project_wins_alone(read: Load, tmp_path: Path) -> None:
    (tmp_path / "work" / "deep").mkdir(parents=True)
    (tmp_path / "work" / "deep" / "reelbase.toml").write_text("threads = 5")
    settings = read(project='threads = 6\ncache_bytes = "1MB"')
    assert (settings.threads, settings.cache_bytes) == (5, 256_000_000)


def test_reelbase_config_stands_for_the_user_file(read: Load, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('[security]\nnetwork = "public"')
    settings = read(user="threads = 7", project='stream_above = "2MB"', REELBASE_CONFIG=str(other))
    assert (settings.threads, settings.security.network, settings.stream_above) == (0, "public", 2_000_000)


def test_reelbase_config_in_the_project_folder_is_not_a_project_file(read: Load, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    settings = read(project="[security]\nmax_frames = 5", REELBASE_CONFIG=str(tmp_path / "work" / "reelbase.toml"))
    assert settings.security.max_frames == 5


def test_reelbase_config_that_is_not_there(read: Load, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"REELBASE_CONFIG names .*nothing\.toml', which is not a file"):
        read(REELBASE_CONFIG=str(tmp_path / "nothing.toml"))
    with pytest.raises(ConfigError, match="which is not a file"):
        read(REELBASE_CONFIG=str(tmp_path))


def test_empty_reelbase_config_is_not_set(read: Load) -> None:
    assert read(user="threads = 7", REELBASE_CONFIG="").threads == 7


def test_lists_of_deny_add_up(read: Load) -> None:
    settings = read(user='[plugins]\ndeny = ["a", "b"]', REELBASE_PLUGINS__DENY="d, a")
    assert settings.plugins.deny == ("a", "b", "d")
    assert _origins(settings)["plugins.deny"].endswith("REELBASE_PLUGINS__DENY")


def test_open_tables(read: Load) -> None:
    settings = read(
        user='prefer.codec.mp4 = "a"\nprefer.storage.s3 = "b"\n'
        '[storage.s3]\nendpoint_url = "http://a"\nregion = "x"\nmore = {deep = {er = 1}}',
        REELBASE_STORAGE__S3__ENDPOINT_URL="http://b",
        REELBASE_PREFER__CODEC__MP4="c",
    )
    assert settings.storage == {"s3": {"endpoint_url": "http://b", "region": "x", "more": {"deep": {"er": 1}}}}
    assert settings.prefer == {"codec.mp4": "c", "storage.s3": "b"}


USER_ONLY = {
    "plugins.allow": '[plugins]\nallow = ["x"]',
    "plugins.deny": '[plugins]\ndeny = ["x"]',
    "prefer.storage.s3": '[prefer]\nstorage.s3 = "mine"',
    "prefer.codec.mp4": '[prefer]\ncodec.mp4 = "mine"',
    "cache_dir": 'cache_dir = "/tmp/x"',
    "cache_dir_bytes": "cache_dir_bytes = 1",
    "security.isolate_decode": "[security]\nisolate_decode = false",
    "credentials.corp.provider": '[credentials.corp]\nprovider = "exec"',
    "security.max_pixels": "[security]\nmax_pixels = 1",
    "security.max_frames": "[security]\nmax_frames = 1",
    "security.local_links": '[security]\nlocal_links = "dataset-dir"',
    "security.network": '[security]\nnetwork = "public"',
    "storage.s3.endpoint_url": '[storage.s3]\nendpoint_url = "http://evil"',
}


@pytest.mark.parametrize("key", USER_ONLY)
def test_a_project_may_not_set_what_is_the_users(read: Load, tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(project=USER_ONLY[key])
    first, second = str(caught.value).split("\n")
    assert first == f"{tmp_path}/work/reelbase.toml: {key!r} may not be set by a project, only by you."
    variable = f"REELBASE_{key.upper().replace('.', '__')}"
    assert second.strip() == f"Move it to {tmp_path}/xdg/reelbase/config.toml, or set {variable}."
    (tmp_path / "work" / "reelbase.toml").unlink()
    with pytest.raises(ConfigError, match=r"pyproject\.toml: .* may not be set by a project"):
        table = USER_ONLY[key]
        read(pyproject=table.replace("[", "[tool.reelbase.", 1) if table[0] == "[" else f"[tool.reelbase]\n{table}")


@pytest.mark.parametrize("key", USER_ONLY)
def test_the_user_may(read: Load, key: str) -> None:
    assert _origins(read(user=USER_ONLY[key]))[key].endswith("config.toml")


def test_a_project_may_set_what_changes_speed_and_nothing_else() -> None:
    keys = collect_keys()
    assert {name for name in keys if not keys[name].user_only} == {"stream_above", "cache_bytes", "threads"}
    assert all(key.doc.endswith(".") for key in keys.values())


@pytest.mark.parametrize(
    ("toml", "wrong", "hint"),
    [
        ("stream_abov = 1", "stream_abov", "Did you mean 'stream_above'?"),
        ("max_pixels = 1", "max_pixels", "Did you mean 'security.max_pixels'?"),
        ("[pluginz]\nallow = []", "pluginz.allow", "Did you mean 'plugins.allow'?"),
        ("[plugins]\nallowed = []", "plugins.allowed", "Did you mean 'plugins.allow'?"),
        ("plugins = 3", "plugins", "Did you mean 'plugins.deny'?"),
        ("[storage]\nendpoint_url = 'x'", "storage.endpoint_url", "Did you mean 'storage.<name>.<option>'?"),
        ("[prefer]\ns3 = 'x'", "prefer.s3", "Did you mean 'prefer.<kind>.<name>'?"),
        ("zzzzzz = 1", "zzzzzz", "Known: stream_above, cache_bytes, cache_dir, cache_dir_bytes, threads,"),
    ],
)
def test_unknown_keys(read: Load, tmp_path: Path, toml: str, wrong: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(user=toml)
    first, second = str(caught.value).split("\n")
    assert first == f"{tmp_path}/xdg/reelbase/config.toml: unknown setting {wrong!r}."
    assert second.strip().startswith(hint)


def test_unknown_variable(read: Load) -> None:
    """It may be another program's: it is passed over, and said."""
    with pytest.warns(ConfigWarning) as caught:
        settings = read(REELBASE_THREAD="2", REELBASE_CACHE_BYTES="5MB", REELBASE_A__B__C__D="x")
    assert settings.cache_bytes == 5_000_000
    assert str(caught[0].message) == (
        "the environment: unknown setting 'REELBASE_THREAD'.\n    Did you mean 'REELBASE_THREADS'?"
    )
    assert len(caught) == 2


def test_an_unknown_variable_that_was_to_protect(read: Load) -> None:
    """Passed over, it would leave its user less safe than they think."""
    with pytest.raises(ConfigError, match="Did you mean 'REELBASE_SECURITY__NETWORK'"):
        read(REELBASE_SECURITY__NETWRK="public")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("stream_above = true", 'stream_above = True has a wrong type.\n    Give a size such as "16MB"'),
        ('cache_bytes = "lots"', "cache_bytes = 'lots' has a wrong type."),
        ("cache_bytes = -1", "cache_bytes = -1 has a wrong type."),
        ("threads = 1.5", "threads = 1.5 has a wrong type.\n    Give a whole number from 0 to 1024."),
        ("threads = 100000", "threads = 100000 has a wrong type.\n    Give a whole number from 0 to 1024."),
        ("[plugins]\ndeny = 'x'\nallow = [1]", "plugins.allow = [1] has a wrong type.\n    Give a list of strings."),
        (
            "[security]\nmax_pixels = 0",
            "security.max_pixels = 0 has a wrong type.\n    Give a whole number from 1 up.",
        ),
        (
            "[security]\nnetwork = 'private'",
            "security.network = 'private' has a wrong type.\n    Give one of 'any', 'public', or a list of strings.",
        ),
        ("[prefer]\ncodec.mp4 = 1", "prefer.codec.mp4 = 1 has a wrong type.\n    Give a string."),
    ],
)
def test_wrong_kinds(read: Load, toml: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(user=toml)
    assert message in str(caught.value)


def test_not_toml(read: Load) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml is not valid TOML: .*line 2") as caught:
        read(user="threads = 1\nsecret_token = abc")
    assert caught.value.__cause__ is None
    assert "abc" not in str(caught.value)
    with pytest.raises(ConfigError, match="is not valid TOML"):
        read(pyproject="[tool.reelbase\n")


def test_not_utf8(read: Load, tmp_path: Path) -> None:
    other = tmp_path / "latin.toml"
    other.write_bytes(b"# caf\xe9")
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        read(REELBASE_CONFIG=str(other))


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs a file that even root cannot read")  # noqa: PTH110
def test_not_readable(read: Load) -> None:
    with pytest.raises(ConfigError, match="/proc/self/mem cannot be read: Input/output error"):
        read(REELBASE_CONFIG="/proc/self/mem")


def test_tool_reelbase_must_be_a_table(read: Load) -> None:
    with pytest.raises(ConfigError, match=r"'tool\.reelbase' is not a table"):
        read(pyproject="[tool]\nreelbase = 3")


def test_secrets_are_never_shown(read: Load) -> None:
    secret = "canary-7f3a"
    settings = read(
        user=f"""
        [storage.s3]
        secret_access_key = "{secret}"
        endpoint_url = "https://user:{secret}@host:9000/path?token={secret}#{secret}"
        region = "eu-{"x"}"
        headers = {{Authorization = "{secret}"}}
        """,
        REELBASE_STORAGE__GCS__TOKEN=secret,
    )
    lines = {line.key: line.value for line in settings.explain() if line.key.startswith("storage")}
    assert lines == {
        "storage.s3.secret_access_key": "(set)",
        "storage.s3.endpoint_url": "https://host:9000/path",
        "storage.s3.region": "eu-x",
        "storage.s3.headers": "(set)",
        "storage.gcs.token": "(set)",
    }
    assert secret not in repr(settings) + str(settings.explain())
    assert settings.storage["s3"]["secret_access_key"] == secret


def test_explain_has_a_line_for_every_key(read: Load) -> None:
    shown = [line.key for line in read().explain()]
    assert shown == [name for name, key in collect_keys().items() if not key.shape]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (16000000, 16000000),
        ("16MB", 16000000),
        ("16 mb", 16000000),
        ("16MiB", 1 << 24),
        ("1.5GiB", 3 << 29),
        ("2k", 2000),
        ("7", 7),
        ("7B", 7),
        ("1TiB", 1 << 40),
        ("0.5kB", 500),
    ],
)
def test_size(value: object, number: int) -> None:
    assert parse_size(value) == number


@pytest.mark.parametrize("value", ["", "MB", "-1MB", "1e6", "1 2", "16MBs", True, None, [], -5, "1PB"])
def test_no_size(value: object) -> None:
    with pytest.raises(ValueError, match="a size such as"):
        parse_size(value)


def test_parsers_of_the_environment() -> None:
    assert parse_names(" a, b ,,c ") == ("a", "b", "c")
    assert parse_names("") == ()
    assert make_count_parser(0)("12") == 12
    assert make_choice_parser("any")("10.0.0.0/8, fd00::/8") == ("10.0.0.0/8", "fd00::/8")


def test_a_removed_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert config.load({"XDG_CONFIG_HOME": str(tmp_path)}).threads == 0


def test_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    config.reset()
    try:
        monkeypatch.setenv("REELBASE_THREADS", "3")
        found = together(lambda _: config.settings(), 8)
        monkeypatch.setenv("REELBASE_THREADS", "4")
        assert len(set(map(id, found))) == 1
        assert config.settings().threads == 3
        config.reset()
        assert config.settings().threads == 4
    finally:
        monkeypatch.undo()
        config.reset()


def test_a_failed_reading_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    config.reset()
    try:
        monkeypatch.setenv("REELBASE_THREADS", "many")
        with pytest.raises(ConfigError):
            config.settings()
        monkeypatch.setenv("REELBASE_THREADS", "2")
        assert config.settings().threads == 2
    finally:
        monkeypatch.undo()
        config.reset()


def test_once_does_not_hang_after_a_fork() -> None:
    once = Once(lambda: 5)
    with once._lock, warnings.catch_warnings():  # as if another thread were making it while this one forks
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of threads, which this is about
        child = os.fork()
        if child == 0:
            os._exit(0 if once() == 5 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
