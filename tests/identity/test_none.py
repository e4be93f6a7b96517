import pytest
from msgspec import Struct

from ovnest.caller import Caller
from ovnest.config import BadSetting, Settings
from ovnest.errors.policy import NotFromHere, Unauthorized, UnsupportedMediaType
from ovnest.identity import NoIdentity, from_settings
from ovnest.identity.none import is_local, with_implied

HOST = {"host": "127.0.0.1:9696"}
JSON = {"content-length": "2", "content-type": "application/json"}


class Peer(Struct):
    is_unix: bool


def ask(
    headers: dict[str, str], is_unix: bool = False, trust_headers: bool = False, allowed: tuple[str, ...] = ()
) -> Caller:
    settings = Settings(trust_headers=trust_headers, allowed_host=allowed)
    return NoIdentity(settings).identify(headers, Peer(is_unix=is_unix), "req-1")


def test_everybody_is_an_administrator_of_the_project_default() -> None:
    caller = ask(HOST)
    assert (caller.project_id, "admin" in caller.roles, caller.request_id) == ("default", True, "req-1")
    assert caller.roles == {"admin", "manager", "member", "reader"}


def test_headers_that_say_otherwise_are_not_believed_unless_told_to() -> None:
    headers = {**HOST, "x-project-id": "red", "x-roles": "member", "x-user-id": "ann"}
    assert ask(headers) == ask(HOST)
    caller = ask(headers, trust_headers=True)
    assert (caller.project_id, caller.user_id) == ("red", "ann")
    assert caller.roles == {"member", "reader"}
    assert "admin" not in caller.roles


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-roles": "admin"},
        {"x-project-id": "", "x-roles": "admin"},
        {"x-project-id": "a b", "x-roles": "admin"},
        {"x-project-id": "red\x7f", "x-roles": "admin"},
        {"x-project-id": "r" * 256, "x-roles": "admin"},
        {"x-project-id": "red", "x-user-id": "\xe9", "x-roles": "admin"},
        {"x-project-id": "red", "x-roles": "admin,\x01"},
        {"x-project-id": "red", "x-roles": ",".join(map(str, range(101)))},
        {"x-project-id": "red", "x-roles": "admin", "x-identity-status": "Invalid"},
    ],
)
def test_a_proxy_that_does_not_say_who_asks_makes_no_administrators(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized) as refusal:
        ask({**HOST, **headers}, trust_headers=True)
    assert (refusal.value.status, refusal.value.kind) == (401, "HTTPUnauthorized")


def test_a_caller_without_roles_has_none() -> None:
    assert ask({**HOST, "x-project-id": "red"}, trust_headers=True).roles == frozenset()
    caller = ask({**HOST, "x-project-id": "red", "x-roles": " , Member ,,x y"}, trust_headers=True)
    assert caller.roles == {"member", "reader", "x y"}


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:9696", "localhost.:1", "127.0.0.1", "127.9.9.9:80", "[::1]:9696", "[::1]"],
)
def test_the_names_of_loopback_are_the_servers_own(host: str) -> None:
    assert "admin" in ask({"host": host}).roles


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            "evil.example",
            "evil.example:9696",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "127.1",
        ),
        *(
            "localhost@evil.example",
            "evil.example@localhost",
            "0.0.0.0:9696",
            "[::]",
            "[::1",
            "::1",
            "192.0.2.1",
        ),
        *("localhost:x", "localhost:1:2", "2130706433", "127.0.0.1\x00", "[localhost]"),
    ],
)
def test_another_name_is_refused_as_a_page_that_rebinds_its_own_would_use_it(host: str) -> None:
    with pytest.raises(NotFromHere, match="--allowed-host"):
        ask({"host": host})
    with pytest.raises(NotFromHere):
        ask({**HOST, "host": host}, trust_headers=True)


def test_a_name_may_be_allowed() -> None:
    for name in ("net.example.org", "NET.example.org:9696", "net.example.org."):
        assert "admin" in ask({"host": "net.example.org:9696"}, allowed=(name,)).roles
    with pytest.raises(NotFromHere):
        ask({"host": "evil.example"}, allowed=("net.example.org", ""))
    with pytest.raises(NotFromHere):
        ask({"host": ""}, allowed=("net.example.org", ""))


def test_no_browser_sends_over_a_unix_socket_so_any_name_will_do() -> None:
    assert "admin" in ask({}, is_unix=True).roles
    assert "admin" in ask({"host": "anything"}, is_unix=True).roles


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9696"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example", **JSON},
    ],
)
@pytest.mark.parametrize("is_unix", [False, True])
def test_what_a_web_page_sends_is_refused(headers: dict[str, str], is_unix: bool) -> None:
    with pytest.raises(NotFromHere, match="A web page") as refusal:
        ask({**HOST, **headers}, is_unix=is_unix)
    assert refusal.value.status == 403


def test_an_address_typed_into_a_browser_is_answered() -> None:
    assert "admin" in ask({**HOST, "sec-fetch-site": "none"}).roles


@pytest.mark.parametrize("length", [{"content-length": "9"}, {"transfer-encoding": "chunked"}])
@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
    ],
)
def test_a_body_that_a_form_could_send_is_refused(length: dict[str, str], kind: str) -> None:
    headers = {**HOST, **length, **({"content-type": kind} if kind else {})}
    with pytest.raises(UnsupportedMediaType, match=f"is {kind or 'missing'}; it must be") as refusal:
        ask(headers)
    assert refusal.value.status == 415


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_taken(kind: str) -> None:
    assert "admin" in ask({**HOST, "content-length": "9", "content-type": kind}).roles


def test_without_a_body_its_type_does_not_matter() -> None:
    assert "admin" in ask({**HOST, "content-length": "0", "content-type": "text/plain"}).roles


@pytest.mark.parametrize(
    ("listen", "local"),
    [
        ("unix:/run/ovnest.sock", True),
        ("127.0.0.1:9696", True),
        ("[::1]:9696", True),
        ("localhost:9696", True),
        ("0.0.0.0:9696", False),
        ("[::]:9696", False),
        (":9696", False),
        ("192.0.2.1:9696", False),
        ("net.example.org:9696", False),
        ("127.0.0.1.example.org:9696", False),
    ],
)
def test_only_loopback_and_unix_sockets_are_listened_on(listen: str, local: bool) -> None:
    assert is_local(listen) is local
    if local:
        from_settings(Settings(listen=listen))
    else:
        with pytest.raises(BadSetting, match="everybody is an administrator"):
            from_settings(Settings(listen=listen))


def test_a_role_brings_those_that_it_implies() -> None:
    assert with_implied(["MANAGER", "service"]) == {"manager", "member", "reader", "service"}
