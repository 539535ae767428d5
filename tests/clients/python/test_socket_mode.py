"""The Socket Mode clients of slack_sdk, the built-in one and the one on aiohttp, against the local Slack."""

import asyncio
import itertools
import json
import os
import threading

import pytest
from local_slack import (
    ACK_DEADLINE_S,
    ADA,
    API_URL,
    APP_TOKEN,
    BOT_USER,
    GENERAL,
    TEAM,
    WAIT_S_MAX,
    acknowledgement,
    advance,
    button,
    control,
    say,
    until,
    web_client,
)
from slack_sdk.socket_mode.aiohttp import SocketModeClient as AiohttpClient
from slack_sdk.socket_mode.builtin import SocketModeClient as BuiltinClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

# How often the clients look whether their connection still stands.
PING_EVERY_S = 0.5


class Builtin:
    """The built-in client, which has threads of its own."""

    def __init__(self, acks):
        self.heard = []
        self.frames = []
        self.acks = acks
        options = {"app_token": APP_TOKEN, "web_client": web_client(), "ping_interval": PING_EVERY_S}
        self.client = BuiltinClient(**options, on_message_listeners=[self.frames.append])
        self.client.socket_mode_request_listeners.append(self.hear)
        self.client.connect()

    def hear(self, client, request):
        self.heard.append(request)
        if self.acks:
            self.ack(request)

    def ack(self, request, payload=None):
        self.client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))

    def connected(self):
        return self.client.is_connected()

    def close(self):
        # This client sits in a read for up to three seconds, unless its connection is cut.
        self.client.auto_reconnect_enabled = False
        control("sockets", {"action": "drop"})
        self.client.close()


class Aiohttp:
    """The client on aiohttp, on an event loop in a thread of its own."""

    def __init__(self, acks):
        self.heard = []
        self.frames = []
        self.acks = acks
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.client = self.run(self.open())

    async def open(self):
        web = AsyncWebClient(base_url=API_URL)
        client = AiohttpClient(app_token=APP_TOKEN, web_client=web, ping_interval=PING_EVERY_S)
        client.on_message_listeners.append(self.note)
        client.socket_mode_request_listeners.append(self.hear)
        await client.connect()
        return client

    async def note(self, message):
        self.frames.append(message.data)

    async def hear(self, client, request):
        self.heard.append(request)
        if self.acks:
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id))

    def ack(self, request, payload=None):
        self.run(self.client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload)))

    def connected(self):
        return self.run(self.client.is_connected())

    def close(self):
        self.run(self.client.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT_S_MAX)

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(WAIT_S_MAX)


@pytest.fixture(params=[Builtin, Aiohttp], ids=["builtin", "aiohttp"])
def listen(request):
    """Opens connections that are closed when the test ends."""
    listeners = []

    def open_one(acks=True):
        listeners.append(request.param(acks))
        return listeners[-1]

    yield open_one
    for listener in listeners:
        listener.close()


SENTENCES = itertools.count(1)


def sentence():
    """Something no other test says."""
    return f"sentence {next(SENTENCES)} of {os.getpid()}."


def about(heard, text):
    """The requests that carry this text."""
    return [request for request in list(heard) if text in json.dumps(request.payload)]


def of_type(listener, kind):
    """The requests of this kind."""
    return [request for request in list(listener.heard) if request.type == kind]


def hellos(listener):
    """How many connections have opened."""
    return sum('"hello"' in frame for frame in list(listener.frames))


def everything_arrives(heard, texts):
    """What was sent while nobody listened is sent again when its time has come."""

    def arrived():
        if all(about(heard, text) for text in texts):
            return True
        advance(ACK_DEADLINE_S + 60)
        return False

    until("everything has arrived", arrived)


def test_the_connection_opens_with_a_hello_that_names_the_app(listen):
    listener = listen()
    until("the hello arrives", lambda: listener.frames)
    hello = json.loads(listener.frames[0])
    assert hello["type"] == "hello"
    assert hello["num_connections"] >= 1
    assert hello["connection_info"] == {"app_id": "A0ATHENA"}
    assert {"host", "approximate_connection_time"} <= set(hello["debug_info"])


def test_a_mention_arrives_and_is_acknowledged(listen):
    listener = listen()
    text = f"<@{BOT_USER}> {sentence()}"
    ts = say(text)
    until("both events of the mention arrive", lambda: len(about(listener.heard, text)) == 2)
    events = {request.payload["event"]["type"]: request for request in about(listener.heard, text)}
    assert set(events) == {"app_mention", "message"}
    mention = events["app_mention"]
    assert mention.type == "events_api"
    assert mention.retry_attempt in (None, 0)
    assert mention.payload["team_id"] == TEAM
    assert mention.payload["event"]["ts"] == ts
    assert mention.payload["event_id"] != events["message"].payload["event_id"]
    until("it is acknowledged", lambda: acknowledgement(mention.envelope_id))


def test_what_is_not_acknowledged_is_sent_again(listen):
    listener = listen(acks=False)
    text = sentence()
    say(text)
    until("it arrives", lambda: about(listener.heard, text))
    advance(ACK_DEADLINE_S)
    until("it arrives again", lambda: len(about(listener.heard, text)) == 2)
    first, again = about(listener.heard, text)
    assert (again.retry_attempt, again.retry_reason) == (1, "timeout")
    assert again.payload["event_id"] == first.payload["event_id"]
    listener.ack(again)
    until("it is acknowledged", lambda: acknowledgement(again.envelope_id))


def test_a_client_that_is_asked_to_refresh_connects_again_and_misses_nothing(listen):
    listener = listen()
    texts = [sentence() for _ in range(10)]
    say(texts[0])
    control("sockets", {"action": "disconnect", "reason": "refresh_requested"})
    for text in texts[1:]:
        say(text)
    until("the client is connected again", lambda: hellos(listener) == 2)
    everything_arrives(listener.heard, texts)


def test_a_client_whose_connection_is_cut_connects_again_and_misses_nothing(listen):
    listener = listen()
    until("the hello arrives", lambda: listener.frames)
    text = sentence()
    control("sockets", {"action": "drop"})
    say(text)
    everything_arrives(listener.heard, [text])
    assert listener.connected()


def test_a_slash_command_is_answered_in_its_acknowledgement(listen):
    listener = listen(acks=False)
    until("the hello arrives", lambda: listener.frames)
    control("command", {"channel": GENERAL, "user": ADA, "command": "/ask", "text": "How are you?"})
    (request,) = until("the command arrives", lambda: of_type(listener, "slash_commands"))
    assert request.accepts_response_payload
    assert (request.payload["command"], request.payload["text"]) == ("/ask", "How are you?")
    listener.ack(request, {"text": "Well, thank you."})
    entry = until("it is acknowledged", lambda: acknowledgement(request.envelope_id))
    assert "Well, thank you." in json.dumps(entry)


def test_a_button_press_arrives_and_is_acknowledged(listen):
    listener = listen(acks=False)
    until("the hello arrives", lambda: listener.frames)
    ts = web_client().chat_postMessage(channel=GENERAL, text="Approve?", blocks=button("approve", "Yes", "yes"))["ts"]
    control("press", {"channel": GENERAL, "ts": ts, "action_id": "approve", "user": ADA})
    (request,) = until("the press arrives", lambda: of_type(listener, "interactive"))
    payload = request.payload
    assert (payload["type"], payload["user"]["id"], payload["message"]["ts"]) == ("block_actions", ADA, ts)
    (action,) = payload["actions"]
    assert (action["action_id"], action["value"]) == ("approve", "yes")
    listener.ack(request)
    until("it is acknowledged", lambda: acknowledgement(request.envelope_id))
