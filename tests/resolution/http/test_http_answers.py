"""Who asks over HTTP and what is answered otherwise than in the recordings: proofs, pages, private values, bad requests."""

import base64

import httpx
import pytest

from lineshaft.core import suites
from lineshaft.core.errors import LineshaftError
from lineshaft.resolution import codes
from lineshaft.resolution.auth import macs
from lineshaft.resolution.bulk.direct import OWNER, load, loading
from lineshaft.resolution.http import owns
from lineshaft.resolution.http.client import Credentials, NodeClient
from lineshaft.resolution.http.sessions import HttpSessions
from lineshaft.resolution.model import Reference
from lineshaft.resolution.proofs import verify_proof
from lineshaft.resolution.serving import NodeConfig, NodeServer
from lineshaft.resolution.values.json_form import compact

BASIC = ("300%3A88.1000.1/ADMIN", "secret")


@pytest.fixture
def get(reference_node):
    with httpx.Client(verify=False, base_url=reference_node.secure, timeout=60) as client:
        yield client.get


def test_who_may_read_private_values_gets_them(get):
    def indexes(query, **options):
        return [value["index"] for value in get(f"/api/handles/88.1000.1/MIXED{query}", **options).json()["values"]]

    assert indexes("") == [1, 3, 4, 5, 100]
    assert indexes("", auth=BASIC) == [1, 2, 3, 4, 5, 100]
    assert indexes("?publicOnly=true", auth=BASIC) == [1, 3, 4, 5, 100]
    assert indexes("?index=2", auth=BASIC) == [2]
    assert indexes("?type=url.") == [1]


def test_a_wrong_secret_is_401_and_soon_waits(get):
    wrong = [get("/api/handles/88.1000.1/MIXED", auth=("300%3A88.1000.1/ADMIN", "guess")) for _ in range(4)]
    assert [answer.status_code for answer in wrong] == [401] * 4
    assert wrong[0].headers["www-authenticate"].startswith("Handle sessionId=")
    assert "too many" in wrong[3].json()["message"]
    assert get("/api/handles/88.1000.1/MIXED", auth=BASIC).status_code == 401  # the right one waits, too


def test_a_session_is_proved_by_secret_or_key_and_ends(reference_node, client_identity):
    for credentials in (
        Credentials(Reference(b"88.1000.1/ADMIN", 300), b"secret"),
        Credentials(Reference(b"88.1000.1/ADMIN", 301), key=client_identity.key),
    ):
        with NodeClient(reference_node.plain, credentials) as client:
            client.register("88.1000.1/电机 x?#%", [{"index": 1, "type": "URL", "data": "u"}], overwrite=True)
            state = client.call("GET", "/api/sessions/this")
            assert (state["authenticated"], state["id"]) == (True, str(credentials.who))
            assert client.values("88.1000.1/电机 x?#%")[0]["data"]["value"] == "u"
    with pytest.raises(LineshaftError), NodeClient(
        reference_node.plain, Credentials(Reference(b"88.1000.1/ADMIN", 300), key=client_identity.key)
    ) as client:  # fmt: skip
        client.register("88.1000.1/no", [{"index": 1, "type": "URL", "data": "u"}])


def proof_in(session, who, secret, client_nonce=b"n" * 16):
    """The header that proves somebody over a session's nonce."""
    signature = macs.make(codes.HMAC_SHA256, secret, base64.b64decode(session["nonce"]) + client_nonce)
    encoded = [base64.b64encode(one).decode() for one in (client_nonce, signature)]
    return {
        "authorization": f'Handle sessionId="{session["sessionId"]}", id="{who}", type="HS_SECKEY", '
        f'cnonce="{encoded[0]}", alg="HMAC-SHA256", signature="{encoded[1]}"'
    }


def test_a_proved_identity_is_not_decoded_once_more(reference_node):
    """Who proves to be `%41DMIN` is not `ADMIN` with the next request."""
    with NodeClient(reference_node.plain, Credentials(Reference(b"88.1000.1/ADMIN", 300), b"secret")) as owner:
        owner.register("88.1000.1/%41DMIN", [{"index": 300, "type": "HS_SECKEY", "data": "mine"}])
    with httpx.Client(base_url=reference_node.plain, timeout=60) as client:
        session = client.post("/api/sessions").json()
        proof = proof_in(session, "300:88.1000.1/%2541DMIN", b"mine")
        state = client.put("/api/sessions/this", headers=proof)
        assert (state.status_code, state.json()["id"]) == (200, "300:88.1000.1/%41DMIN")
        later = {"authorization": f'Handle sessionId="{session["sessionId"]}"'}
        body = {"values": [{"index": 1, "type": "URL", "data": "u"}]}
        refused = client.put("/api/handles/88.1000.1/STOLEN", json=body, headers=later)
        assert (refused.status_code, refused.json()["responseCode"]) == (403, codes.RC_INVALID_ADMIN)


@pytest.mark.parametrize(("size", "status"), [(7, 401), (8, 200), (19, 200), (20, 401), (32, 401), (36, 401)])
def test_a_nonce_that_a_digest_of_the_native_protocol_fits_into_is_refused(reference_node, size, status):
    with httpx.Client(base_url=reference_node.plain, timeout=60) as client:
        session = client.post("/api/sessions").json()
        proof = proof_in(session, "300:88.1000.1/ADMIN", b"secret", b"n" * size)
        assert client.put("/api/sessions/this", headers=proof).status_code == status


def test_sessions_are_bounded_and_bound_to_their_source():
    sessions = HttpSessions(most=3)
    first = sessions.open("10.0.0.1", 0.0)
    assert sessions.find(first.id, "10.0.0.1", 1.0) is first
    assert sessions.find(first.id, "10.0.0.2", 1.0) is None
    assert sessions.find(first.id, "10.0.0.1", 121.0) is None
    for _ in range(5):
        sessions.open("10.0.0.1", 1.0)
    assert len(sessions) == 3
    assert sessions.find(first.id, "10.0.0.1", 1.0) is None


def test_a_browser_is_sent_on_or_shown_the_values(get, reference_node):
    assert get("/88.1000.1/MIXED").headers["location"] in {"https://l.example/a", "https://l.example/b"}
    assert get("/88.1000.1/MIXED?locatt=country:cn").headers["location"] == "https://l.example/b"
    assert get("/88.1000.1/MIXED?type=URL").headers["location"] == "https://a.example/1"
    page = get("/88.1000.1/MIXED?noredirect")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "x@a.example" in page.text
    assert "int.example" not in page.text
    assert get("/88.1000.1/NOPE", headers={"accept": "text/html"}).status_code == 404
    assert get("/88.1000.1/NOPE").json()["responseCode"] == 100
    with NodeClient(reference_node.plain, Credentials(Reference(b"88.1000.1/ADMIN", 300), b"secret")) as client:
        for number, target in enumerate(("javascript:alert(1)", "https://a.example/\r\nset-cookie: x=1", "<b>no</b>")):
            client.register(f"88.1000.1/EVIL{number}", [{"index": 1, "type": "URL", "data": target}])
    assert "&lt;b&gt;no" in get("/88.1000.1/EVIL2").text
    assert get("/88.1000.1/EVIL0").status_code == 200
    sent = get("/88.1000.1/EVIL1")
    assert "set-cookie" not in sent.headers
    assert "\n" not in sent.headers["location"]


BAD = [
    ("PUT", "/api/handles/88.1000.1/X", b"{", 400, 4),
    ("PUT", "/api/handles/88.1000.1/X", b"[1]", 400, 202),
    ("PUT", "/api/handles/88.1000.1/X", b'{"values": []}', 400, 202),
    ("PUT", "/api/handles/88.1000.1/X", b'{"values": [{"index": 1, "type": "T", "data": {"format": "jpeg"}}]}', 400, 202),
    ("PUT", "/api/handles/88.1000.1/MIXED?index=8", b'{"values": [{"index": 9, "type": "T", "data": "x"}]}', 400, 4),
    ("PUT", "/api/handles/88.1000.1/X?overwrite=maybe", b"[]", 400, 4),
    ("PUT", "/api/handles/88.1000.1/X", b" " * (4 * 2**20 + 1), 413, 4),
    ("GET", "/api/handles/noslash", None, 400, 102),
    ("GET", "/api/handles/88.1000.1/%ff", None, 400, 102),
    ("GET", "/api/handles/88.1000.1/MIXED?index=-1", None, 400, 4),
    ("GET", "/api/handles?page=0", None, 400, 4),
    ("PATCH", "/api/handles/88.1000.1/MIXED", None, 501, 5),
    ("GET", "/api/nothing", None, 404, 5),
]  # fmt: skip


def test_bad_requests_are_refused_in_our_words(reference_node):
    with httpx.Client(verify=False, base_url=reference_node.secure, auth=BASIC, timeout=60) as client:
        for method, path, body, status, code in BAD:
            answer = client.request(method, path, content=body)
            said = answer.json()
            assert (answer.status_code, said["responseCode"]) == (status, code), (path, said)
            for word in ("Error", "Exception", "Traceback", "lineshaft"):
                assert word not in answer.text


def test_values_are_put_all_or_none(reference_node):
    one, other = {"index": 1, "type": "URL", "data": "new"}, {"index": 1, "type": "NOTE", "data": "again"}
    url = reference_node.secure + "/api/handles/88.1000.1/MIXED"

    def put(query, *values):
        return httpx.put(url + query, json={"values": values}, auth=BASIC, verify=False, timeout=60).status_code

    assert put("?index=various", one, {**other, "index": 77}) == 201
    assert put("?index=various", one) == 200
    assert put("?index=various&overwrite=false", {**other, "index": 78}, one) == 409
    found = [value["index"] for value in httpx.get(url, verify=False, timeout=60).json()["values"]]
    assert (77 in found, 78 in found) == (True, False)


def test_other_operations(get, reference_node):
    site = get("/api/site").json()
    assert site["servers"][0]["address"] == "127.0.0.1"
    assert get("/api/prefixes", auth=("301%3A88.1000.1/ADMIN", "x")).status_code == 401
    assert get("/api/prefixes").status_code == 401
    assert httpx.get(reference_node.plain + "/api/prefixes", auth=BASIC, timeout=60).status_code == 401
    assert httpx.head(reference_node.plain + "/api/handles/88.1000.1/MIXED").content == b""
    assert owns("/api/handles/88.1/x")
    assert owns("/api/v1/resolution/handles:batch")
    assert not owns("/api/v1/history/tags")


def test_an_import_goes_directly_into_a_store(tmp_path):
    key = suites.PrivateKey.generate("ed25519")
    config = NodeConfig(hosts=["127.0.0.1"], folder=str(tmp_path / "node"), prefixes=["88.7"], key=key.pem())
    lines = [compact({"handle": f"88.7/{n}", "values": [{"index": 1, "type": "URL", "data": "u"}]}) for n in range(100)]
    with loading(config) as into:
        assert into(lines) == []
        (refused,) = into([*lines, b'{"handle": "88.8/1", "values": [{"index": 1, "type": "URL", "data": "u"}]}'])
        assert (refused["line"], refused["responseCode"]) == (101, 301)
    server = NodeServer(config)
    try:
        record = server.store.get(b"88.7/42")
        assert server.store.count() == 100
        proof = server.proofs.proof_of(server.store, b"88.7/42", record)
        assert base64.b64decode(proof["record"]) == record[1:]
        assert verify_proof(proof).origin == "88.7"
        assert load(server.registrar, lines[:1], OWNER)[0]["responseCode"] == 400  # the node itself knows no such owner
    finally:
        server.store.close()
