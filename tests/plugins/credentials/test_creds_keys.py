"""Names of credentials in a dataset: kept, merged and renamed as names; what they stand for stays in this process."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

import reelbase
from reelbase.errors import ScopeError, UsageError
from reelbase.testing.clips import Clip, read_code
from reelbase.testing.servers import BadHttpServer

SECRET = {"token": "c4nary-of-keys"}


@pytest.fixture
def path(tmp_path: Path, ds: reelbase.Dataset) -> Path:
    return tmp_path / "ds"


def test_names_are_kept(ds: reelbase.Dataset, path: Path) -> None:
    ds.add_creds_key("ONE")
    ds.add_creds_key("TWO", managed=True)
    again = reelbase.load(path)
    assert again.get_creds_keys() == {"ONE", "TWO"}
    assert again.get_managed_creds_keys() == {"TWO"}


def test_a_dataset_has_none_at_first(ds: reelbase.Dataset) -> None:
    assert ds.get_creds_keys() == set()
    assert ds.get_managed_creds_keys() == set()


def test_env_is_always_there(ds: reelbase.Dataset) -> None:
    ds.add_creds_key("ENV")
    assert ds.get_creds_keys() == set()


@pytest.mark.parametrize("key", ["", " ", "a\n", 7, None, " a"])
def test_what_is_no_name(ds: reelbase.Dataset, key: object) -> None:
    with pytest.raises(UsageError, match="cannot name credentials"):
        ds.add_creds_key(key)  # type: ignore[arg-type]


def test_a_name_is_there_once(ds: reelbase.Dataset) -> None:
    ds.add_creds_key("ONE")
    with pytest.raises(UsageError, match="'ONE' already"):
        ds.add_creds_key("ONE")


def test_a_name_that_is_not_there(ds: reelbase.Dataset) -> None:
    ds.add_creds_key("ONE")
    with pytest.raises(UsageError, match=r"no creds_key 'TWO'; it has: ONE.\n.*add_creds_key"):
        ds.populate_creds("TWO", SECRET)
    with pytest.raises(UsageError, match="no creds_key 'TWO'"):
        ds.update_creds_key("TWO", "THREE")


def test_whether_it_is_managed_can_be_changed(ds: reelbase.Dataset) -> None:
    ds.add_creds_key("ONE")
    ds.update_creds_key("ONE", managed=True)
    assert ds.get_managed_creds_keys() == {"ONE"}
    ds.update_creds_key("ONE", "TWO")
    assert ds.get_managed_creds_keys() == {"TWO"}


def test_a_rename_does_not_take_a_name(ds: reelbase.Dataset) -> None:
    ds.add_creds_key("ONE")
    ds.add_creds_key("TWO")
    with pytest.raises(UsageError, match="'TWO' already"):
        ds.update_creds_key("ONE", "TWO")
    ds.update_creds_key("ONE", "THREE")
    with pytest.raises(UsageError, match="rows know one by that name"):
        ds.add_creds_key("ONE")
    ds.update_creds_key("THREE", "ONE")
    assert ds.get_creds_keys() == {"ONE", "TWO"}


def test_the_metadata_do_not_show_them(ds: reelbase.Dataset) -> None:
    ds.info["mine"] = 1
    ds.add_creds_key("ONE")
    assert dict(ds.info) == {"mine": 1}
    ds.info.clear()
    assert ds.get_creds_keys() == {"ONE"}
    with pytest.raises(UsageError, match="library's own"):
        ds.info["reelbase.creds/ONE"] = {}


def test_branches_and_merges(ds: reelbase.Dataset) -> None:
    ds.history.create_branch("side")
    ds.add_creds_key("ONE")
    ds.checkout("side")
    assert ds.get_creds_keys() == set()
    ds.add_creds_key("TWO", managed=True)
    ds.checkout("main")
    ds.merge("side")
    assert ds.get_creds_keys() == {"ONE", "TWO"}


def test_a_copy_has_them(ds: reelbase.Dataset, tmp_path: Path) -> None:
    ds.add_creds_key("ONE", managed=True)
    assert ds.copy(tmp_path / "copy").get_managed_creds_keys() == {"ONE"}


def test_a_transaction_that_fails_adds_none(ds: reelbase.Dataset) -> None:
    with pytest.raises(RuntimeError), ds:
        ds.add_creds_key("ONE")
        assert ds.get_creds_keys() == {"ONE"}
        raise RuntimeError
    assert ds.get_creds_keys() == set()


@pytest.mark.parametrize("more", [{}, {"creds": SECRET, "from_environment": True}])
def test_one_thing_is_wanted(ds: reelbase.Dataset, more: dict[str, object]) -> None:
    ds.add_creds_key("ONE")
    with pytest.raises(UsageError, match="not both"):
        ds.populate_creds("ONE", **more)  # type: ignore[arg-type]


def test_what_is_no_mapping(ds: reelbase.Dataset) -> None:
    ds.add_creds_key("ONE")
    with pytest.raises(UsageError, match="not a mapping") as caught:
        ds.populate_creds("ONE", "c4nary")  # type: ignore[arg-type]
    assert "c4nary" not in str(caught.value)


class TestLinks:
    """With a web server that logs who asks."""

    @pytest.fixture
    def server(self, clip: Clip) -> BadHttpServer:
        return BadHttpServer({"clip.mp4": clip.path.read_bytes()})

    @pytest.fixture(autouse=True)
    def running(self, server: BadHttpServer):
        with server:
            yield

    def tokens(self, server: BadHttpServer) -> set[str | None]:
        return {one.request.headers.get("authorization") for one in server.ledger}

    def test_what_is_populated_is_sent(self, ds: reelbase.Dataset, server: BadHttpServer, clip: Clip) -> None:
        ds.add_creds_key("LAB")
        ds.populate_creds("LAB", SECRET, prefixes=[server.url])
        ds.links.append(reelbase.link(f"{server.url}/clip.mp4", creds_key="LAB"))
        assert read_code(ds.links[0, 7].numpy()) == clip.codes[7]
        assert self.tokens(server) == {"Bearer c4nary-of-keys"}

    def test_nothing_is_sent_without_a_name(self, ds: reelbase.Dataset, server: BadHttpServer) -> None:
        ds.add_creds_key("LAB")
        ds.populate_creds("LAB", SECRET, prefixes=[server.url])
        ds.links.append(reelbase.link(f"{server.url}/clip.mp4"))
        assert self.tokens(server) == {None}

    def test_the_web_needs_prefixes(self, ds: reelbase.Dataset, server: BadHttpServer) -> None:
        ds.add_creds_key("LAB")
        ds.populate_creds("LAB", SECRET)
        with pytest.raises(ScopeError, match=r"no prefixes.*names its own host.\n.*prefixes="):
            ds.links.append(reelbase.link(f"{server.url}/clip.mp4", creds_key="LAB"))
        assert not server.ledger
        assert len(ds.links) == 0

    def test_a_name_that_stands_for_nothing(self, ds: reelbase.Dataset, server: BadHttpServer) -> None:
        """Only the rows that use it cannot be read."""
        ds.links.append(reelbase.link(f"{server.url}/clip.mp4"))
        ds.links.append(reelbase.link(f"{server.url}/clip.mp4", creds_key="GONE", verify=False))
        assert ds.links[0, 3].numpy().ndim == 3
        with pytest.raises(UsageError, match=r"'GONE'.*\n.*populate_creds\('GONE'.*\[credentials.GONE\]"):
            ds.links[1, 3].numpy()

    def test_a_managed_name_without_a_server(self, ds: reelbase.Dataset, server: BadHttpServer) -> None:
        ds.add_creds_key("MY_KEY", managed=True)
        with pytest.raises(UsageError, match=r"'MY_KEY' is a managed key, and no server.*\n.*credentials.MY_KEY"):
            ds.links.append(reelbase.link(f"{server.url}/clip.mp4", creds_key="MY_KEY"))

    def test_renamed(self, ds: reelbase.Dataset, path: Path, server: BadHttpServer, clip: Clip) -> None:
        """Rows that were written before are found under the new name, also after a rename back and forth."""
        ds.add_creds_key("OLD")
        ds.populate_creds("OLD", SECRET, prefixes=[server.url])
        ds.links.append(reelbase.link(f"{server.url}/clip.mp4", creds_key="OLD"))
        ds.update_creds_key("OLD", "NEW")
        again = reelbase.load(path)
        again.populate_creds("NEW", {"token": "another"}, prefixes=[server.url])
        assert read_code(again.links[0, 7].numpy()) == clip.codes[7]
        assert self.tokens(server) == {"Bearer c4nary-of-keys", "Bearer another"}
        again.links.append(reelbase.link(f"{server.url}/clip.mp4", creds_key="NEW"))
        assert read_code(again.links[1, 8].numpy()) == clip.codes[8]

    def test_populated_again(self, ds: reelbase.Dataset, server: BadHttpServer) -> None:
        """The next request has the new ones."""
        ds.add_creds_key("LAB")
        ds.populate_creds("LAB", SECRET, prefixes=[server.url])
        ds.links.append(reelbase.link(f"{server.url}/clip.mp4", creds_key="LAB"))
        ds.populate_creds("LAB", {"token": "second"}, prefixes=[server.url])
        seen = len(server.ledger)
        ds.links[0, 20].numpy()
        assert {one.request.headers["authorization"] for one in server.ledger[seen:]} == {"Bearer second"}

    def test_another_dataset_has_not_what_was_populated(
        self, ds: reelbase.Dataset, server: BadHttpServer, tmp_path: Path
    ) -> None:
        ds.add_creds_key("LAB")
        ds.populate_creds("LAB", SECRET, prefixes=[server.url])
        other = reelbase.empty(tmp_path / "other")
        other.add_creds_key("LAB")
        other.create_tensor("links", htype="link[video]")
        with pytest.raises(UsageError, match="No credentials are known"):
            other.links.append(reelbase.link(f"{server.url}/clip.mp4", creds_key="LAB"))

    def test_of_the_configuration(
        self,
        ds: reelbase.Dataset,
        server: BadHttpServer,
        clip: Clip,
        configured: Callable[[str], None],
        tmp_path: Path,
    ) -> None:
        """Found by name in a link, and by its prefix for a URL that is read; the longest wins."""
        for name, token in (("short", "wide"), ("long", "narrow")):
            file = tmp_path / f"{name}.toml"
            file.touch(0o600)
            file.write_text(f'token = "{token}"')
        configured(
            f'[credentials.short]\nprovider = "static"\nfile = "{tmp_path}/short.toml"\nprefixes = ["{server.url}"]\n'
            f'[credentials.long]\nprovider = "static"\nfile = "{tmp_path}/long.toml"\n'
            f'prefixes = ["{server.url}/clip.mp4"]\n'
        )
        assert read_code(reelbase.read(f"{server.url}/clip.mp4")[7].numpy()) == clip.codes[7]
        assert self.tokens(server) == {"Bearer narrow"}
        seen = len(server.ledger)
        assert read_code(reelbase.read(f"{server.url}/clip.mp4", creds="short")[8].numpy()) == clip.codes[8]
        ds.links.append(reelbase.link(f"{server.url}/clip.mp4", creds_key="short"))
        assert {one.request.headers["authorization"] for one in server.ledger[seen:]} == {"Bearer wide"}

    def test_a_provider_of_ones_own(self, ds: reelbase.Dataset, server: BadHttpServer) -> None:
        class Mine(reelbase.plugin.CredentialProvider):
            def get(self, request: reelbase.plugin.CredentialRequest) -> reelbase.plugin.Credentials:
                return reelbase.plugin.Credentials({"token": f"for {request.action}"})

        ds.add_creds_key("MINE")
        ds.populate_creds("MINE", Mine("MINE", {}), prefixes=[server.url])
        ds.links.append(reelbase.link(f"{server.url}/clip.mp4", creds_key="MINE"))
        reelbase.read(f"{server.url}/clip.mp4", creds=Mine("x", {})).shape  # noqa: B018
        assert self.tokens(server) == {"Bearer for read"}

    def test_a_pickled_dataset(
        self, ds: reelbase.Dataset, server: BadHttpServer, clip: Clip, configured: Callable[[str], None], tmp_path: Path
    ) -> None:
        """The name goes along, and its configuration is read there."""
        file = tmp_path / "lab.toml"
        file.touch(0o600)
        file.write_text('token = "c4nary-of-keys"')
        configured(f'[credentials.LAB]\nprovider = "static"\nfile = "{file}"\nprefixes = ["{server.url}"]\n')
        ds.links.append(reelbase.link(f"{server.url}/clip.mp4", creds_key="LAB"))
        sent = pickle.dumps((ds, ds.links[0], reelbase.read(f"{server.url}/clip.mp4", creds="LAB")))
        assert b"c4nary" not in sent
        there, sample, media = pickle.loads(sent)
        for one in (there.links[0, 5], sample[5], media[5]):
            assert read_code(one.numpy()) == clip.codes[5]
        assert self.tokens(server) == {"Bearer c4nary-of-keys"}
