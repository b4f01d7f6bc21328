"""What a server does for whom: administration by every kind of proof, sessions, the Chinese dialect, signed answers."""

import threading

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from lineshaft.core.suites import PrivateKey
from lineshaft.resolution import codes, wire
from lineshaft.resolution.auth import keys
from lineshaft.resolution.auth.challenges import answer_with_secret
from lineshaft.resolution.auth.credentials import Credential, sign_with_secret, verify_with_key, verify_with_secret
from lineshaft.resolution.auth.sessions import Session, unwrap_key
from lineshaft.resolution.listeners import Limits
from lineshaft.resolution.messages import (
    AnswerChallenge,
    ChangeValues,
    Dump,
    ExchangeKey,
    HandleList,
    Login,
    OfHandle,
    RemoveValues,
    Resolve,
    Retrieve,
    SetUpSession,
    Shard,
    VerifyAnswer,
)
from lineshaft.resolution.messages.sessions import CLIENT_KEY, DIFFIE_HELLMAN, HANDLE_KEY, SERVER_KEY
from lineshaft.resolution.service import new_key
from lineshaft.resolution.testing import ADMIN, RECORDS, SECRET, Udp, admin, connected, request, serving, until, value

ITEM = b"88.1/NEW"
FORMS = (codes.SHA1, codes.SHA256, codes.HMAC_SHA1, codes.HMAC_SHA256, codes.PBKDF2_HMAC_SHA1)
OK = codes.RC_SUCCESS


def create(handle=ITEM, **options):
    return request(codes.OC_CREATE_HANDLE, ChangeValues(handle, (value(1), admin())), **options)


def resolve(handle, flags=codes.PUBLIC_ONLY, **options):
    return request(codes.OC_RESOLUTION, Resolve(handle), flags=flags, **options)


async def code_of(client, data):
    return (await client.ask(data)).header.response_code


async def test_records_are_made_changed_listed_and_deleted_by_who_proves_the_secret():
    async with serving() as server, connected(server.port) as client:
        for number, form in enumerate(FORMS):
            handle = b"88.1/FORM-%d" % number
            assert (await client.prove(create(handle), form=form)).header.response_code == OK
            assert await code_of(client, resolve(handle.lower())) == OK  # whatever its letters
        changes = [
            (codes.OC_ADD_VALUE, ChangeValues(ITEM, (value(2, b"two"),))),
            (codes.OC_MODIFY_VALUE, ChangeValues(ITEM, (value(2, b"zwei"),))),
            (codes.OC_REMOVE_VALUE, RemoveValues(ITEM, (1,))),
        ]
        assert (await client.prove(create())).body.handle == ITEM
        for operation, body in changes:
            assert (await client.prove(request(operation, body))).header.response_code == OK
        found = (await client.ask(resolve(ITEM))).body.values
        assert {one.index: one.data for one in found if one.index < 100} == {2: b"zwei"}
        listed = await client.prove(request(codes.OC_LIST_HANDLES, OfHandle(b"0.NA/88.1")))
        assert isinstance(listed.body, HandleList)
        assert ITEM in listed.body.handles
        assert (await client.prove(request(codes.OC_DELETE_HANDLE, OfHandle(ITEM)))).header.response_code == OK
        assert await code_of(client, resolve(ITEM)) == codes.RC_HANDLE_NOT_FOUND


async def test_a_minted_handle_cannot_be_guessed():
    async with serving() as server, connected(server.port) as client:
        asked = create(b"88.1/", flags=codes.MINT_SUFFIX)
        first, second = [(await client.prove(asked)).body.handle for _ in range(2)]
        assert first != second
        assert min(len(first), len(second)) >= len(b"88.1/") + 32
        assert await code_of(client, resolve(first)) == OK


@pytest.mark.parametrize("kind", ["rsa", "p256", "ed25519", "sm2"])
async def test_an_identity_may_be_a_public_key(kind):
    key = PrivateKey.generate("sm2") if kind == "sm2" else keys.load_private_key(new_key(kind))
    public = value(301, keys.encode_public_key(keys.public_key_of(key)), b"HS_PUBKEY")
    records = {**RECORDS, b"88.1/ADMIN": [*RECORDS[b"88.1/ADMIN"], public], b"0.NA/88.1": [admin(number=301)]}
    async with serving(records) as server, connected(server.port) as client:
        made = request(codes.OC_CREATE_HANDLE, ChangeValues(ITEM, (value(1), admin(number=301))))
        assert (await client.prove(made, index=301, key=key)).header.response_code == OK
        other = PrivateKey.generate("ecdsa-p256")
        refused = await client.prove(create(b"88.1/OTHER"), index=301, key=other)
        assert refused.header.response_code == codes.RC_AUTHENTICATION_FAILED


@pytest.mark.parametrize("kind", ["rsa", "p256", "ed25519"])
async def test_answers_are_signed_where_that_is_asked_for(kind):
    pem = new_key(kind)
    public = keys.public_key_of(keys.load_private_key(pem))
    async with serving(key=pem) as server, connected(server.port) as client:
        with Udp(server.port) as datagrams:
            for minor in (4, 6, 7, 8, 11):
                if minor < 7 and kind != "rsa":
                    continue
                asked = resolve(b"88.1/ITEM", codes.PUBLIC_ONLY | codes.CERTIFIED, minor=minor)
                for answer in (await client.ask(asked), await datagrams.ask(asked)):
                    credential = Credential.decode(answer.credential)
                    assert verify_with_key(answer.envelope, answer.covered, credential, public)
                    changed = answer.covered[:-1] + bytes((answer.covered[-1] ^ 1,))
                    assert not verify_with_key(answer.envelope, changed, credential, public)
        plain = await client.ask(resolve(b"88.1/ITEM"))
        assert plain.credential == b""


async def test_private_values_are_for_their_administrators_only():
    async with serving() as server, connected(server.port) as client:
        everything = resolve(b"88.1/ITEM", 0)
        public = (await client.ask(resolve(b"88.1/ITEM"))).body.values
        assert [one.index for one in public] == [1, 100]
        assert [one.index for one in (await client.prove(everything)).body.values] == [1, 2, 100]
        refused = await client.prove(everything, secret=b"wrong")
        assert refused.header.response_code == codes.RC_AUTHENTICATION_FAILED
        assert b"private" not in refused.covered


# -- the dialect ------------------------------------------------------------------------------------------------------


def login(index=300, operation=codes.OC_LOGIN):
    return request(operation, Login(ADMIN, index))


async def test_who_logs_in_on_a_connection_is_known_on_it_and_on_no_other():
    async with serving(dialect_port=0) as server:
        async with connected(server.dialect_port) as client, connected(server.dialect_port) as other:
            for operation in (codes.OC_LOGIN, codes.OC_LOGIN_SYSTEM):
                assert (await client.prove(login(operation=operation))).header.response_code == OK
            assert await code_of(client, create()) == OK
            identity = request(codes.OC_RESOLUTION, Resolve(ITEM, identity=b""), flags=0)
            assert await code_of(client, identity) == OK
            assert await code_of(other, create(b"88.1/OTHER")) == codes.RC_AUTHENTICATION_NEEDED
            for _ in range(50):
                assert await code_of(client, identity) == OK
        await until(lambda: server.counts.connections == 0)


async def test_a_login_takes_the_identity_that_was_named_and_no_other():
    records = {**RECORDS, b"88.1/SOMEBODY": [value(300, b"theirs", b"HS_SECKEY", 0b1100)]}
    async with serving(records) as server, connected(server.port) as client:
        refused = await client.prove(login(), who=b"88.1/SOMEBODY", secret=b"theirs")
        assert refused.header.response_code == codes.RC_AUTHENTICATION_FAILED
        assert await code_of(client, create()) == codes.RC_AUTHENTICATION_NEEDED
        refused = await client.prove(login(), secret=b"wrong")
        assert refused.header.response_code == codes.RC_AUTHENTICATION_FAILED
        assert await code_of(client, create()) == codes.RC_AUTHENTICATION_NEEDED


async def test_codes_of_the_dialect_are_for_those_who_speak_it():
    late = request(
        codes.OC_CHALLENGE_ANSWER, AnswerChallenge(b"HS_SECKEY", ADMIN, 300, b"\x13" + bytes(32)), session=77
    )
    async with serving() as server, connected(server.port) as plain, connected(server.port) as dialect:
        assert await code_of(plain, late) == codes.RC_AUTHENTICATION_TIMEOUT
        assert await code_of(dialect, login()) == codes.RC_AUTHENTICATION_NEEDED
        assert await code_of(dialect, late) == codes.RC_LOGIN_AGAIN


# -- sessions ---------------------------------------------------------------------------------------------------------


class Speaker:
    """One side of a session, as a client has it."""

    def __init__(self, number, key):
        self.session = Session(number, key, None, 100.0, 0.0)
        self._counter = 0

    def say(self, data, *, counter=None, key=None, encrypted=False):
        message = wire.decode(data)
        envelope = wire.decode_envelope(data)
        envelope = msgspec.structs.replace(envelope, session=self.session.number)
        self._counter = self._counter + 1 if counter is None else counter
        credential = sign_with_secret(envelope, message.covered, key or self.session.key, self._counter)
        whole = wire.assemble(envelope, message.covered, credential)
        if not encrypted:
            return whole
        payload = self.session.encrypt(whole[20:])
        head = bytearray(whole[:20])
        head[2] |= codes.ENCRYPTED_ENVELOPE
        head[16:20] = len(payload).to_bytes(4)
        return bytes(head) + payload

    def understand(self, data):
        if data[2] & codes.ENCRYPTED_ENVELOPE:
            payload = self.session.decrypt(data[20:])
            data = (
                data[:2]
                + bytes((data[2] & ~codes.ENCRYPTED_ENVELOPE,))
                + data[3:16]
                + len(payload).to_bytes(4)
                + payload
            )
        message = wire.decode(data)
        credential = Credential.decode(message.credential)
        assert verify_with_secret(message.envelope, message.covered, credential, self.session.key)
        return message


async def speaker(client, own):
    """A session of the administrator, its key made by the server for ours."""
    set_up = SetUpSession(
        mode=CLIENT_KEY, identity=ADMIN, index=300, public_key=keys.encode_public_key(own.public_key())
    )
    ready = await client.prove(request(codes.OC_SESSION_SETUP, set_up))
    assert ready.header.response_code == OK
    return Speaker(ready.envelope.session, unwrap_key(ready.body.data, own))


@pytest.fixture(scope="module")
def own():
    return keys.generate_rsa()


async def test_a_session_knows_who_asks_and_takes_each_message_once(own):
    async with serving() as server, connected(server.port) as client:
        mine = await speaker(client, own)
        made = mine.say(create())
        assert mine.understand(await client.ask_bytes(made)).header.response_code == OK
        assert await code_of(client, made) == codes.RC_SESSION_REJECTED
        secretly = mine.say(resolve(b"88.1/ITEM", codes.ENCRYPTED), encrypted=True)
        assert b"88.1/ITEM" not in secretly
        answer = await client.ask_bytes(secretly)
        assert answer[2] & codes.ENCRYPTED_ENVELOPE
        assert [one.index for one in mine.understand(answer).body.values] == [1, 2, 100]
        forged = mine.say(resolve(b"88.1/ITEM", 0), key=b"x" * 16)
        assert await code_of(client, forged) == codes.RC_SESSION_FAILED
        bare = request(codes.OC_RESOLUTION, Resolve(b"88.1/ITEM"), session=mine.session.number)
        assert await code_of(client, bare) == codes.RC_SESSION_FAILED
        ended = mine.say(request(codes.OC_SESSION_TERMINATE, OfHandle(b"")))
        assert mine.understand(await client.ask_bytes(ended)).header.response_code == OK
        assert await code_of(client, mine.say(create(b"88.1/LATE"))) == codes.RC_SESSION_TIMEOUT


async def test_a_client_may_send_the_key_of_a_session_once():
    pem = new_key("rsa")
    async with serving(key=pem) as server, connected(server.port) as client, connected(server.port) as thief:
        ready = await client.ask(request(codes.OC_SESSION_SETUP, SetUpSession(mode=SERVER_KEY)))
        number = ready.envelope.session
        public = keys.decode_public_key(ready.body.data)

        def exchange(key):
            oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
            return request(codes.OC_SESSION_EXCHANGE_KEY, ExchangeKey(public.encrypt(key, oaep)), session=number)

        assert await code_of(client, exchange(b"k" * 16)) == OK
        mine = Speaker(number, b"k" * 16)
        assert mine.understand(await client.ask_bytes(mine.say(resolve(b"88.1/ITEM")))).header.response_code == OK
        assert await code_of(thief, exchange(b"t" * 16)) == codes.RC_SESSION_TIMEOUT
        assert mine.understand(await client.ask_bytes(mine.say(resolve(b"88.1/ITEM")))).header.response_code == OK


async def test_a_session_key_may_go_to_a_key_that_a_handle_holds(own):
    public = value(5, keys.encode_public_key(own.public_key()), b"HS_PUBKEY")
    async with serving({**RECORDS, b"88.1/KEY": [public]}) as server, connected(server.port) as client:
        asked = SetUpSession(mode=HANDLE_KEY, key_handle=b"88.1/KEY", key_index=5)
        ready = await client.ask(request(codes.OC_SESSION_SETUP, asked))
        mine = Speaker(ready.envelope.session, unwrap_key(ready.body.data, own))
        assert mine.understand(await client.ask_bytes(mine.say(resolve(b"88.1/ITEM")))).header.response_code == OK
        asked = SetUpSession(mode=HANDLE_KEY, key_handle=b"88.1/NONE", key_index=5)
        assert await code_of(client, request(codes.OC_SESSION_SETUP, asked)) == codes.RC_INVALID_SESSION_KEY
        asked = SetUpSession(mode=DIFFIE_HELLMAN)
        assert await code_of(client, request(codes.OC_SESSION_SETUP, asked)) == codes.RC_INVALID_SESSION_SETUP


async def test_another_server_may_have_an_answer_verified_here():
    nonce, digest = b"n" * 16, b"d" * 32
    async with serving() as server, connected(server.port) as client:
        for secret, right in ((SECRET, True), (b"wrong", False)):
            answer = answer_with_secret(ADMIN, 300, secret, nonce + digest, codes.HMAC_SHA256).answer
            question = VerifyAnswer(ADMIN, 300, nonce, digest, answer)
            assert (await client.ask(request(codes.OC_VERIFY_ANSWER, question))).body.valid is right


async def test_answers_of_another_server_cannot_be_guessed_without_end():
    """By value and source: what is asked about one does not hold up another."""
    nonce, digest = b"n" * 16, b"d" * 32
    records = {**RECORDS, b"88.1/OTHER": [value(300, SECRET, b"HS_SECKEY", 0b1100)]}

    def question(handle, secret):
        answer = answer_with_secret(handle, 300, secret, nonce + digest, codes.HMAC_SHA256).answer
        return request(codes.OC_VERIFY_ANSWER, VerifyAnswer(handle, 300, nonce, digest, answer))

    async with serving(records) as server, connected(server.port) as client:
        found = [await code_of(client, question(ADMIN, b"guess")) for _ in range(15)]
        assert found == [OK] * 3 + [codes.RC_AUTHENTICATION_FAILED] * 12
        assert await code_of(client, question(ADMIN, SECRET)) == codes.RC_AUTHENTICATION_FAILED
        assert (await client.ask(question(b"88.1/OTHER", SECRET))).body.valid


async def test_what_costs_work_is_counted_though_it_comes_encrypted(own):
    async with (
        serving(limits=Limits(signatures_per_second=0.01, burst=1000)) as server,
        connected(server.port) as client,
    ):
        mine = await speaker(client, own)
        asked = request(codes.OC_VERIFY_ANSWER, VerifyAnswer(ADMIN, 300, b"n", b"d", b"\x13x"), flags=codes.ENCRYPTED)
        found = [await client.ask_bytes(mine.say(asked, encrypted=True)) for _ in range(2)]
        assert [mine.understand(one).header.response_code for one in found] == [OK, codes.RC_SERVER_BUSY]
        plain = await client.ask_bytes(mine.say(resolve(b"88.1/ITEM", codes.ENCRYPTED), encrypted=True))
        assert mine.understand(plain).header.response_code == OK


async def test_a_session_whose_key_anybody_may_send_is_nobodys():
    async with serving(key=new_key("rsa")) as server, connected(server.port) as client:
        refused = await client.prove(
            request(codes.OC_SESSION_SETUP, SetUpSession(mode=SERVER_KEY, identity=ADMIN, index=300))
        )
        assert refused.header.response_code == codes.RC_INVALID_SESSION_SETUP


async def test_a_long_list_is_read_beside_the_loop():
    many = {b"88.1/N%04d" % number: [value(1)] for number in range(2000 - len(RECORDS) + 1)}
    async with serving({**RECORDS, **many}) as server, connected(server.port) as client:
        scan, threads = server.store.scan, set()

        def noting(prefix=b"", *arguments, **options):
            for pair in scan(prefix, *arguments, **options):
                if prefix == b"88.1/":
                    threads.add(threading.get_ident())
                yield pair

        server.store.scan = noting
        page = await client.prove(request(codes.OC_LIST_HANDLES, OfHandle(b"0.NA/88.1")))
        sizes, flags = [len(page.body.handles)], [page.header.flags & codes.CONTINUED]
        while flags[-1]:
            page = wire.decode(await client.receive_bytes())
            sizes.append(len(page.body.handles))
            flags.append(page.header.flags & codes.CONTINUED)
        assert sizes == [1000, 1000]  # and no empty message behind them
        assert threads
        assert threading.get_ident() not in threads


async def test_copying_by_the_protocol_is_refused_to_everybody_and_the_connection_stays():
    asked = {
        codes.OC_NEXT_TRANSACTION: OfHandle(b"0.NA/88.1"), codes.OC_BACKUP_SERVER: OfHandle(b"0.NA/88.1"),
        codes.OC_RETRIEVE_TRANSACTIONS: Retrieve(shard=Shard(0, 1, 0)), codes.OC_DUMP_HANDLES: Dump(shard=Shard(0, 1, 0)),
    }  # fmt: skip
    async with serving() as server, connected(server.port) as client:
        for operation, body in asked.items():
            refused = await client.ask(request(operation, body))
            assert refused.header.response_code == codes.RC_NOT_SUPPORTED
            assert "copied" in refused.body.message
        assert await code_of(client, resolve(b"88.1/ITEM")) == OK
