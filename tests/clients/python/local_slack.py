"""What the suites share: where the local Slack is, its control API, and waiting with a deadline."""

import json
import os
import time
import urllib.request
from contextlib import contextmanager

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

SLACK_URL = os.environ.get("SIM_SLACK_URL")
if not SLACK_URL:
    pytest.exit(
        "SIM_SLACK_URL: expected the address of a local Slack, such as http://127.0.0.1:8090, "
        "found nothing; see tests/clients/README.md",
        returncode=2,
    )

# The SDK appends the method's name, so the slash at the end matters.
API_URL = f"{SLACK_URL}/api/"
BOT_TOKEN = "xoxb-local"
APP_TOKEN = "xapp-local"
TEAM = "T0LOCAL"
BOT_USER = "U0ATHENA"
BOT = "B0ATHENA"
GENERAL = "C0GENERAL"
RANDOM = "C0RANDOM"
ADA = "U0ADA"
ADA_DM = "D0ADA"

# The time after which the local Slack misses an acknowledgement.
ACK_DEADLINE_S = 3
# Far above what a step needs, also on a busy machine.
WAIT_S_MAX = 20.0
POLL_EVERY_S = 0.02


def web_client(token=BOT_TOKEN, **options):
    """A client that never retries by itself, so that each call of a test is one call."""
    return WebClient(token=token, base_url=API_URL, **{"retry_handlers": [], **options})


def control(path, body=None):
    """Calls the control API; a body makes it a POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{SLACK_URL}/sim/{path}", data=data)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=WAIT_S_MAX) as response:
        text = response.read()
    return json.loads(text) if text else {}


def say(text, channel=GENERAL, user=ADA, thread_ts=None):
    """A person says something; the message's timestamp."""
    body = {"channel": channel, "user": user, "text": text}
    if thread_ts is not None:
        body["thread_ts"] = thread_ts
    return control("messages", body)["ts"]


def advance(seconds):
    """Moves the local Slack's clock forward."""
    control("clock", {"advance_s": seconds})


def until(what, probe):
    """Waits until `probe` returns something truthy, and returns that."""
    deadline = time.monotonic() + WAIT_S_MAX
    while True:
        found = probe()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {WAIT_S_MAX} s in vain until {what}"
        time.sleep(POLL_EVERY_S)


@contextmanager
def refused(code):
    """Asserts that Slack refuses the call within with this code."""
    with pytest.raises(SlackApiError) as caught:
        yield caught
    answer = caught.value.response
    assert (answer["ok"], answer["error"]) == (False, code)


def thread(channel, ts):
    """The messages of a thread, root first."""
    return web_client().conversations_replies(channel=channel, ts=ts, include_all_metadata=True)["messages"]


def acknowledgement(envelope_id):
    """The journal's entry of an envelope's acknowledgement, or None."""
    for entry in control("journal")["entries"]:
        if entry["kind"] == "ack" and entry.get("envelope_id") == envelope_id:
            return entry
    return None


def button(action_id, text, value):
    """A block with one button."""
    element = {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": text},
        "value": value,
    }
    return [{"type": "actions", "block_id": "choice", "elements": [element]}]
