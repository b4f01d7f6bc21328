"""A foreign client (nats-py as it comes) gets no further than its signed permissions, whatever it tries."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator

import msgspec
import nats.errors
import pytest
from nats.aio.client import Client

from lineshaft.bus import claims, permissions
from lineshaft.bus.client import credentials_file
from lineshaft.bus.testing import TestBus, embedded_bus

SECONDS = 30


@pytest.fixture
async def box(tmp_path) -> AsyncIterator[TestBus]:
    async with embedded_bus(tmp_path) as running:
        running.issue("gateway", permissions.publish(running.subjects.data_of("gateway")))
        running.issue("web", permissions.subscribe(running.subjects.all_data()))
        yield running


def papers(box: TestBus, name: str) -> tuple[str, str]:
    """(token, seed) of a principal's file."""
    lines = credentials_file(box.home, name).read_text().split("\n")
    return lines[1], lines[5]


class Foreign:
    """A client of the library alone; notes what the server complains of."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.complaints: list[str] = []

    async def complain(self, error: Exception) -> None:
        self.complaints.append(str(error))

    async def complained(self, part: str) -> None:
        """Return when the server has complained of this."""
        async with asyncio.timeout(SECONDS):
            while not any(part.lower() in each.lower() for each in self.complaints):  # noqa: ASYNC110  # no event
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def foreign(box: TestBus, token: str = "", seed: str = "", **options) -> AsyncIterator[Foreign]:
    made = Foreign(Client())
    if token:
        options["user_jwt_cb"] = token.encode
        options["signature_cb"] = lambda nonce: base64.b64encode(claims.Key(seed).sign(nonce.encode()))
    try:
        await made.client.connect(
            box.server.address.url, allow_reconnect=False, connect_timeout=SECONDS, error_cb=made.complain,
            **({"inbox_prefix": b"_INBOX_gateway"} | options),
        )  # fmt: skip
        yield made
    finally:
        await made.client.close()


def edited(token: str, **changes) -> str:
    """A token that says something else under the old signature."""
    head, _, signature = token.split(".")
    body = claims.read_claims(token)
    body["nats"] |= changes
    text = base64.urlsafe_b64encode(msgspec.json.encode(body)).rstrip(b"=").decode()
    return f"{head}.{text}.{signature}"


# -- getting in -----------------------------------------------------------------------------------------------------------


async def refused(box: TestBus, token: str = "", seed: str = "", **options) -> str:
    """What the server says to whom it does not let in."""
    with pytest.raises((nats.errors.Error, OSError)) as caught:
        async with foreign(box, token, seed, **options):
            pass
    return str(caught.value)


async def test_with_its_own_papers_a_foreign_client_gets_in(box):
    async with foreign(box, *papers(box, "gateway")) as client:
        assert client.client.is_connected


async def test_without_papers_nobody_gets_in(box):
    assert "Authorization Violation" in await refused(box)


@pytest.mark.parametrize(("user", "password"), [("gateway", "gateway"), ("admin", "admin"), ("", "secret")])
async def test_a_name_and_a_password_are_no_papers(box, user, password):
    assert "Authorization Violation" in await refused(box, user=user, password=password)


async def test_a_stolen_token_is_worth_nothing_without_its_key(box):
    token, _ = papers(box, "gateway")
    assert "Authorization Violation" in await refused(box, token, claims.new_key("user").seed)


async def test_a_stolen_token_is_no_password_either(box):
    token, _ = papers(box, "gateway")
    assert "Authorization Violation" in await refused(box, user="gateway", password=token)
    assert "Authorization Violation" in await refused(box, user_jwt_cb=token.encode, signature_cb=lambda _: b"")


@pytest.mark.parametrize(
    "changes",
    [
        {"pub": {"allow": [">"]}, "sub": {"allow": [">"]}},
        {"bearer_token": True},
        {"allowed_connection_types": ["STANDARD", "MQTT", "WEBSOCKET"]},
    ],
    ids=["wider", "bearer", "elsewhere"],
)
async def test_an_edited_token_is_refused(box, changes):
    token, seed = papers(box, "gateway")
    assert "Authorization Violation" in await refused(box, edited(token, **changes), seed)


async def test_a_token_that_somebody_elses_account_signed_is_refused(box):
    key = claims.new_key("user")
    token = claims.user_jwt(claims.new_key("account"), key.public, "gateway", permissions.Permissions(publish=[">"]))
    assert "Authorization Violation" in await refused(box, token, key.seed)


async def test_a_token_that_its_bearer_signed_himself_in_the_accounts_name_is_refused(box):
    token, _ = papers(box, "gateway")
    key = claims.new_key("user")
    forged = claims.user_jwt(claims.new_key("account"), key.public, "gateway", permissions.Permissions(publish=[">"]))
    body = claims.read_claims(forged) | {"iss": claims.read_claims(token)["iss"]}
    head, _, signature = forged.split(".")
    text = base64.urlsafe_b64encode(msgspec.json.encode(body)).rstrip(b"=").decode()
    assert "Authorization Violation" in await refused(box, f"{head}.{text}.{signature}", key.seed)


async def test_a_token_without_a_signature_algorithm_is_refused(box):
    token, seed = papers(box, "gateway")
    _, body, _ = token.split(".")
    head = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"none"}').rstrip(b"=").decode()
    assert "Authorization Violation" in await refused(box, f"{head}.{body}.", seed)


async def test_void_papers_are_refused(box):
    token, seed = papers(box, "gateway")
    await box.revoke("gateway")
    assert "Authorization Violation" in await refused(box, token, seed)


# -- going further ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subject",
    ["ls.main.box.data.other.main", "ls.main.box.cmd.gateway", "ls.main.box.config.gateway", "ls.main.box.event.a.b",
     "ls.main.box.svc.access.revoke.gateway", "_INBOX_web.guessed", "elsewhere",
     "$JS.API.STREAM.DELETE.TELEMETRY", "$JS.API.STREAM.PURGE.TELEMETRY", "$JS.API.STREAM.LIST",
     "$JS.API.STREAM.MSG.GET.TELEMETRY", "$JS.API.DIRECT.GET.CONFIG.ls.main.box.config.other",
     "$JS.API.CONSUMER.CREATE.TELEMETRY.gateway", "$JS.API.ACCOUNT.PURGE.x", "$JS.ACK.TELEMETRY.history.1.1.1.1.0",
     "$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$MQTT.sub.x"],
)  # fmt: skip
async def test_it_cannot_publish_outside_its_subjects(box, subject):
    async with foreign(box, *papers(box, "gateway")) as client:
        await client.client.publish(subject, b"{}")
        await client.client.flush()
        await client.complained(f'Permissions Violation for Publish to "{subject}"')


@pytest.mark.parametrize(
    "subject",
    [">", "ls.>", "ls.main.box.data.>", "ls.main.box.cmd.other", "ls.main.box.svc.access.sign_in.*", "_INBOX_web.>",
     "_INBOX.>", "*.>", "$SYS.>", "$JS.>", "$MQTT.>"],
)  # fmt: skip
async def test_it_cannot_listen_outside_its_subjects(box, subject):
    async with foreign(box, *papers(box, "gateway")) as client:
        await client.client.subscribe(subject)
        await client.client.flush()
        await client.complained(f'Permissions Violation for Subscription to "{subject}"')


async def test_a_queue_group_is_no_way_around(box):
    async with foreign(box, *papers(box, "gateway")) as client:
        await client.client.subscribe("ls.main.box.data.>", queue="history")
        await client.client.flush()
        await client.complained("Permissions Violation for Subscription")


async def test_an_answer_sent_to_anothers_inbox_never_arrives(box):
    """A request names the inbox for its answer: naming another's there makes nobody speak to it in one's stead."""
    heard: list[bytes] = []
    async with foreign(box, *papers(box, "web"), inbox_prefix=b"_INBOX_web") as web:

        async def take(message) -> None:
            heard.append(message.data)

        await web.client.subscribe("_INBOX_web.>", cb=take)
        await web.client.flush()
        async with foreign(box, *papers(box, "gateway")) as client:
            await client.client.publish("_INBOX_web.x", b"forged")
            await client.complained("Permissions Violation")
        await web.client.flush()
        assert heard == []


async def test_a_foreign_client_sends_what_it_may(box):
    async with foreign(box, *papers(box, "gateway")) as client:
        acknowledged = await client.client.request("ls.main.box.data.gateway.main", b"x", timeout=SECONDS)
        assert msgspec.json.decode(acknowledged.data)["stream"] == "TELEMETRY"
