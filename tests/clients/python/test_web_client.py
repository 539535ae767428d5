"""slack_sdk.WebClient against the local Slack."""

import asyncio
import time
import urllib.request

import pytest
from local_slack import (
    ADA,
    ADA_DM,
    API_URL,
    APP_TOKEN,
    BOT,
    BOT_TOKEN,
    BOT_USER,
    GENERAL,
    RANDOM,
    TEAM,
    button,
    control,
    refused,
    say,
    thread,
    web_client,
)
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler, ServerErrorRetryHandler
from slack_sdk.models.messages.chunk import MarkdownTextChunk, TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

client = web_client()


def test_auth_test_names_the_team_and_the_bot():
    identity = client.auth_test()
    assert (identity["team_id"], identity["user_id"], identity["bot_id"]) == (TEAM, BOT_USER, BOT)
    assert "chat:write" in identity.headers["x-oauth-scopes"]


def test_the_async_client_is_served_as_well():
    async def ask():
        return await AsyncWebClient(token=BOT_TOKEN, base_url=API_URL).auth_test()

    assert asyncio.run(ask())["user_id"] == BOT_USER


def test_a_reply_in_a_thread_is_read_back_with_its_metadata():
    root = say("Is there a reply?")
    metadata = {"event_type": "athenaeum_reply", "event_payload": {"key": "k-1", "turns": 3, "nested": {"cited": [1, 2]}}}
    posted = client.chat_postMessage(channel=GENERAL, thread_ts=root, text="There is.", metadata=metadata)
    assert posted["message"]["bot_id"] == BOT
    first, reply = thread(GENERAL, root)
    assert (first["ts"], first["reply_count"], first["latest_reply"]) == (root, 1, posted["ts"])
    assert (reply["ts"], reply["text"], reply["user"]) == (posted["ts"], "There is.", BOT_USER)
    assert reply["metadata"] == metadata


def test_a_message_is_updated_and_deleted():
    ts = client.chat_postMessage(channel=GENERAL, text="Frist.")["ts"]
    assert client.chat_update(channel=GENERAL, ts=ts, text="First.")["ts"] == ts
    (message,) = thread(GENERAL, ts)
    assert message["text"] == "First."
    assert message["edited"]["user"] == BOT_USER
    client.chat_delete(channel=GENERAL, ts=ts)
    with refused("message_not_found"):
        client.chat_delete(channel=GENERAL, ts=ts)


def test_blocks_are_kept():
    ts = client.chat_postMessage(channel=GENERAL, text="Which?", blocks=button("one", "One", "1"))["ts"]
    (message,) = thread(GENERAL, ts)
    assert message["blocks"][0]["elements"][0]["action_id"] == "one"
    with refused("invalid_blocks") as caught:
        client.chat_postMessage(channel=GENERAL, text="x", blocks=[{"type": "no_such_block"}])
    assert caught.value.response["response_metadata"]["messages"]


def test_reactions_are_added_once_and_removed_once():
    eyes = {"channel": GENERAL, "timestamp": say("React to this."), "name": "eyes"}
    client.reactions_add(**eyes)
    with refused("already_reacted"):
        client.reactions_add(**eyes)
    message = client.reactions_get(channel=GENERAL, timestamp=eyes["timestamp"], full=True)["message"]
    assert message["reactions"] == [{"name": "eyes", "count": 1, "users": [BOT_USER]}]
    client.reactions_remove(**eyes)
    with refused("no_reaction"):
        client.reactions_remove(**eyes)


def test_conversations_are_paged_with_cursors():
    pages = [page["channels"] for page in client.conversations_list(limit=1, types="public_channel")]
    names = [channel["name"] for channels in pages for channel in channels]
    assert all(len(channels) <= 1 for channels in pages)
    assert {"general", "random"} <= set(names)
    assert len(set(names)) == len(names)


def test_history_is_paged_from_the_newest_to_the_oldest():
    before = say("History starts here.", channel=RANDOM)
    said = [say(word, channel=RANDOM) for word in ("one", "two", "three", "four", "five")]
    pages = client.conversations_history(channel=RANDOM, oldest=before, limit=2)
    assert [message["ts"] for page in pages for message in page["messages"]] == said[::-1]


def test_replies_are_paged_from_the_oldest_to_the_newest():
    root = say("A long thread.")
    replies = [say(f"reply {count}", thread_ts=root) for count in range(5)]
    pages = client.conversations_replies(channel=GENERAL, ts=root, limit=2)
    read = dict.fromkeys(message["ts"] for page in pages for message in page["messages"])
    assert list(read) == [root, *replies]


def test_a_person_is_found_by_id_and_in_the_list():
    user = client.users_info(user=ADA)["user"]
    assert (user["id"], user["is_bot"]) == (ADA, False)
    assert isinstance(user["tz_offset"], int)
    ids = [member["id"] for page in client.users_list(limit=2) for member in page["members"]]
    assert {ADA, BOT_USER} <= set(ids)
    with refused("user_not_found"):
        client.users_info(user="U0NOBODY")


def test_a_file_is_put_into_a_thread_and_its_bytes_can_be_fetched_again():
    root = say("Send me the report.")
    content = "Lanes, leases and tokens.\n"
    uploaded = client.files_upload_v2(
        channel=GENERAL, thread_ts=root, initial_comment="Here it is.", filename="report.txt", content=content
    )
    file = client.files_info(file=uploaded["file"]["id"])["file"]
    assert (file["name"], file["size"]) == ("report.txt", len(content))
    request = urllib.request.Request(file["url_private_download"])
    request.add_header("Authorization", f"Bearer {BOT_TOKEN}")
    with urllib.request.urlopen(request) as response:
        assert response.read().decode() == content
    (shared,) = [message for message in thread(GENERAL, root) if message.get("files")]
    assert (shared["text"], shared["files"][0]["id"]) == ("Here it is.", file["id"])


def test_a_stream_is_started_appended_to_and_stopped():
    root = say("Tell me slowly.")
    recipient = {"recipient_team_id": TEAM, "recipient_user_id": ADA}
    stream = client.chat_stream(channel=GENERAL, thread_ts=root, buffer_size=8, **recipient)
    assert stream.append(markdown_text="Once ") is None, "below the buffer nothing is sent"
    started = stream.append(markdown_text="upon a time ")
    task = TaskUpdateChunk(id="search", title="Searching", status="complete")
    stream.append(chunks=[task, MarkdownTextChunk(text="there was ")])
    with refused("streaming_state_conflict"):
        client.chat_update(channel=GENERAL, ts=started["ts"], text="No.")
    metadata = {"event_type": "athenaeum_reply", "event_payload": {"key": "streamed"}}
    stream.stop(markdown_text="a queue.", metadata=metadata)
    (message,) = [each for each in thread(GENERAL, root) if each["ts"] == started["ts"]]
    assert "Once upon a time there was a queue." in message["text"]
    assert message["metadata"] == metadata
    with refused("message_not_in_streaming_state"):
        client.chat_appendStream(channel=GENERAL, ts=started["ts"], markdown_text="More.")


def test_a_thread_has_a_status_a_title_and_prompts():
    where = {"channel_id": ADA_DM, "thread_ts": say("Are you busy?", channel=ADA_DM)}
    client.assistant_threads_setStatus(**where, status="is searching…", loading_messages=["Opening books…"])
    client.assistant_threads_setTitle(**where, title="Busy?")
    prompts = [{"title": "Replay", "message": "How is an event replayed?"}]
    client.assistant_threads_setSuggestedPrompts(**where, prompts=prompts)
    client.assistant_threads_setStatus(**where, status="")


def test_an_agent_session_has_a_status_and_a_name():
    where = {"channel_id": ADA_DM, "thread_ts": say("Start a session.", channel=ADA_DM)}
    client.agents_sessions_setStatus(**where, status="processing", title="A session")
    client.agents_sessions_rename(**where, title="The session")
    client.agents_sessions_setStatus(**where, status="active")


def test_what_cannot_be_done_is_refused_in_the_words_of_slack():
    with refused("channel_not_found"):
        client.chat_postMessage(channel="C0NOWHERE", text="Hello?")
    with refused("no_text"):
        client.api_call("chat.postMessage", json={"channel": GENERAL})
    with refused("thread_not_found"):
        client.conversations_replies(channel=GENERAL, ts="1700000000.000001")
    with refused("invalid_auth"):
        web_client("xoxb-somebody-else").auth_test()
    with refused("not_authed"):
        web_client(None).auth_test()
    with refused("unknown_method"):
        client.api_call("chat.noSuchMethod")
    with refused("not_allowed_token_type"):
        client.apps_connections_open(app_token=BOT_TOKEN)
    assert client.apps_connections_open(app_token=APP_TOKEN)["url"].startswith("ws")


def test_a_missing_scope_is_named():
    scopes = control("state")["settings"]["scopes"]
    control("settings", {"scopes": [scope for scope in scopes if scope != "reactions:write"]})
    try:
        with refused("missing_scope") as caught:
            client.reactions_add(channel=GENERAL, timestamp=say("No."), name="eyes")
    finally:
        control("settings", {"scopes": scopes})
    answer = caught.value.response
    assert answer["needed"] == "reactions:write"
    assert "chat:write" in answer["provided"].split(",")


def test_a_rate_limited_call_is_retried_after_the_time_that_was_named():
    control("faults", {"method": "chat.postMessage", "fault": "rate_limit", "count": 1, "retry_after_s": 1})
    patient = web_client(retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=1)])
    started = time.monotonic()
    ts = patient.chat_postMessage(channel=GENERAL, text="In the end.")["ts"]
    assert time.monotonic() - started >= 1
    assert len(thread(GENERAL, ts)) == 1


def test_a_client_that_does_not_wait_is_told_how_long_it_should_have():
    control("faults", {"method": "chat.postMessage", "fault": "rate_limit", "count": 1, "retry_after_s": 30})
    with refused("ratelimited") as caught:
        client.chat_postMessage(channel=GENERAL, text="Now!")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "30"


def test_a_retry_of_a_call_that_was_applied_and_failed_applies_it_twice():
    root = say("Did it work?")
    control("faults", {"method": "chat.postMessage", "fault": "error_after_applying", "count": 1})
    eager = web_client(retry_handlers=[ServerErrorRetryHandler(max_retry_count=1)])
    eager.chat_postMessage(channel=GENERAL, thread_ts=root, text="It did.")
    assert [message["text"] for message in thread(GENERAL, root)] == ["Did it work?", "It did.", "It did."]


def test_a_call_can_be_applied_and_fail_all_the_same():
    root = say("Did it work?")
    control("faults", {"method": "chat.postMessage", "fault": "error_after_applying", "count": 1})
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=GENERAL, thread_ts=root, text="It did.")
    assert caught.value.response.status_code == 500
    assert [message["text"] for message in thread(GENERAL, root)] == ["Did it work?", "It did."]
