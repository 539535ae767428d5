"""A slack_bolt app against the local Slack."""

import json

import pytest
from local_slack import (
    ADA,
    ADA_DM,
    APP_TOKEN,
    BOT_USER,
    GENERAL,
    button,
    control,
    say,
    thread,
    until,
    web_client,
)
from slack_bolt import App, Assistant
from slack_bolt.adapter.socket_mode import SocketModeHandler


class Seen:
    """What the app noted down."""

    def __init__(self):
        self.edits = []
        self.reactions = []
        self.errors = []


def build(seen):
    app = App(client=web_client())

    @app.error
    def note(error):
        seen.errors.append(error)

    @app.event("app_mention")
    def mentioned(event, say):
        say(text=f"You said: {event['text']}", thread_ts=event.get("thread_ts", event["ts"]))

    @app.message("knock knock")
    def knocked(message, say):
        say(text=f"Who is there, <@{message['user']}>?", thread_ts=message["ts"])

    @app.message("word by word")
    def streamed(say_stream, set_status):
        set_status("is writing…")
        stream = say_stream(buffer_size=4)
        for word in ("One ", "word ", "after ", "another."):
            stream.append(markdown_text=word)
        stream.stop()

    @app.event({"type": "message", "subtype": "message_changed"})
    def edited(event):
        seen.edits.append(event)

    @app.event("message")
    def nothing_to_do():
        pass

    @app.event("reaction_added")
    def reacted(event):
        seen.reactions.append(event)

    @app.action("approve")
    def approved(ack, action, body, respond):
        ack()
        respond(replace_original=True, text=f"{action['value']} from {body['user']['id']}")

    @app.action("ask_more")
    def asked_more(ack, body, client):
        ack()
        title = {"type": "plain_text", "text": "More"}
        view = {"type": "modal", "callback_id": "more", "title": title, "blocks": []}
        client.views_open(trigger_id=body["trigger_id"], view=view)

    @app.command("/ask")
    def asked(ack, command, respond):
        ack()
        respond(response_type="in_channel", text=f"{command['user_id']} asks: {command['text']}")

    @app.command("/hush")
    def hushed(ack):
        ack("Only you see this.")

    assistant = Assistant()

    @assistant.thread_started
    def started(say):
        say("How can I help?")

    @assistant.user_message
    def answered(payload, say, set_status, set_title):
        set_title(payload["text"])
        set_status("is thinking…")
        say(f"In this thread: {payload['text']}")

    app.use(assistant)
    return app


@pytest.fixture(scope="module")
def seen():
    """Runs the app as long as the suite."""
    noted = Seen()
    handler = SocketModeHandler(build(noted), APP_TOKEN)
    handler.connect()
    yield noted
    handler.close()
    assert noted.errors == []


def reply(channel, ts):
    """The app's reply in a thread."""

    def find():
        return [each for each in thread(channel, ts) if each["ts"] != ts and each.get("user") == BOT_USER]

    return until("the app has replied", find)[0]


def post_button(action_id):
    blocks = button(action_id, "Press", "Approval")
    return web_client().chat_postMessage(channel=GENERAL, text="Press?", blocks=blocks)["ts"]


def test_a_mention_is_answered_in_its_thread(seen):
    text = f"<@{BOT_USER}> are you there?"
    assert reply(GENERAL, say(text))["text"] == f"You said: {text}"


def test_a_mention_within_a_thread_is_answered_in_that_thread(seen):
    root = say("Let us talk.")
    say(f"<@{BOT_USER}> join us", thread_ts=root)
    assert reply(GENERAL, root)["thread_ts"] == root


def test_a_message_is_matched_by_its_text(seen):
    assert reply(GENERAL, say("knock knock"))["text"] == f"Who is there, <@{ADA}>?"


def test_an_answer_is_streamed_into_the_thread_of_its_question(seen):
    ts = say("word by word")

    def ended():
        return [message for message in thread(GENERAL, ts) if message["text"].endswith("another.")]

    (streamed,) = until("the stream has ended", ended)
    assert (streamed["text"], streamed["thread_ts"]) == ("One word after another.", ts)


def test_an_edit_and_a_reaction_of_a_person_reach_the_app(seen):
    ts = say("Frist!")
    control("edit", {"channel": GENERAL, "ts": ts, "text": "First!"})
    found = until("the edit arrives", lambda: [each for each in seen.edits if each["message"]["ts"] == ts])
    assert (found[0]["message"]["text"], found[0]["previous_message"]["text"]) == ("First!", "Frist!")
    control("react", {"channel": GENERAL, "ts": ts, "user": ADA, "name": "tada"})
    found = until("the reaction arrives", lambda: [each for each in seen.reactions if each["item"]["ts"] == ts])
    assert (found[0]["reaction"], found[0]["user"]) == ("tada", ADA)


def test_a_press_of_a_button_replaces_the_message_through_the_response_address(seen):
    ts = post_button("approve")
    control("press", {"channel": GENERAL, "ts": ts, "action_id": "approve", "user": ADA})
    until("the message is replaced", lambda: thread(GENERAL, ts)[0]["text"] == f"Approval from {ADA}")


def test_a_press_of_a_button_may_open_a_modal(seen):
    ts = post_button("ask_more")
    control("press", {"channel": GENERAL, "ts": ts, "action_id": "ask_more", "user": ADA})
    until("the modal is open", lambda: '"more"' in json.dumps(control("state")))


def test_a_slash_command_is_answered_for_all_to_see(seen):
    control("command", {"channel": GENERAL, "user": ADA, "command": "/ask", "text": "what is a lane?"})
    answer = f"{ADA} asks: what is a lane?"

    def posted():
        messages = web_client().conversations_history(channel=GENERAL, limit=5)["messages"]
        return any(message["text"] == answer for message in messages)

    until("the answer is in the channel", posted)


def test_a_slash_command_is_answered_in_its_acknowledgement(seen):
    control("command", {"channel": GENERAL, "user": ADA, "command": "/hush", "text": ""})

    def acknowledged():
        acks = [entry for entry in control("journal")["entries"] if entry["kind"] == "ack"]
        return any("Only you see this." in json.dumps(entry) for entry in acks)

    until("the acknowledgement carries the answer", acknowledged)


def test_the_assistant_answers_in_a_thread_of_a_direct_message(seen):
    root = say("Hello, assistant.", channel=ADA_DM)
    say("What is a lease?", channel=ADA_DM, thread_ts=root)
    assert reply(ADA_DM, root)["text"] == "In this thread: What is a lease?"
