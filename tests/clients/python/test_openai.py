"""The official `openai` package against the offline model."""

import asyncio
import json
import os
import time
import urllib.request

import openai
import pytest

MODEL = "offline"
SEARCH = {
    "type": "function",
    "function": {
        "name": "search_docs",
        "description": "Searches the documents",
        "parameters": {
            "type": "object",
            "properties": {"query": {"type": "string"}},
            "required": ["query"],
        },
    },
}
WAIT_SECONDS_MAX = 20

MODEL_URL = os.environ.get("SIM_MODEL_URL")
if not MODEL_URL:
    raise RuntimeError(
        "SIM_MODEL_URL: expected the address of an offline model, such as "
        "http://127.0.0.1:8091, found nothing; see tests/clients/README.md"
    )


def control(path, method="GET", body=None):
    """Calls the model's control API."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{MODEL_URL}/sim/{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=WAIT_SECONDS_MAX) as response:
        return json.load(response)


def script(*steps):
    control("script", "POST", {"steps": steps})


def user(content):
    return {"role": "user", "content": content}


def content_of(chunks):
    deltas = (chunk.choices[0].delta for chunk in chunks if chunk.choices)
    return "".join(delta.content or "" for delta in deltas)


@pytest.fixture(autouse=True)
def nothing_scripted():
    control("script", "DELETE")
    control("requests", "DELETE")


@pytest.fixture
def client():
    """Never retries by itself, so that each call of a test is one request."""
    with openai.OpenAI(base_url=f"{MODEL_URL}/v1", api_key="none", max_retries=0) as client:
        yield client


def ask(client, *messages, **options):
    return client.chat.completions.create(model=MODEL, messages=list(messages), **options)


def test_the_models_are_listed_and_any_one_of_them_can_be_read(client):
    assert MODEL in [entry.id for entry in client.models.list()]
    assert client.models.retrieve("gpt-5-mini").object == "model"


def test_a_plain_answer_without_tools_says_that_there_are_no_sources(client):
    completion = ask(client, user("What is a lease?"))
    assert completion.choices[0].finish_reason == "stop"
    assert "no sources" in completion.choices[0].message.content
    usage = completion.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_a_tool_call_goes_round_from_search_to_cited_answer(client):
    question = user([{"type": "text", "text": "How are failed events replayed?"}])
    first = ask(client, question, tools=[SEARCH]).choices[0]
    assert first.finish_reason == "tool_calls"
    (call,) = first.message.tool_calls
    assert json.loads(call.function.arguments) == {"query": "failed events replayed"}
    found = "[1] README.md › Replay: Failed events are replayed with `athenaeum replay`."
    result = {"role": "tool", "tool_call_id": call.id, "content": found}
    second = ask(client, question, first.message, result, tools=[SEARCH]).choices[0]
    assert second.message.content.startswith(
        "Failed events are replayed with `athenaeum replay`. [1]"
    )


def test_a_stream_gives_the_content_in_order_the_reason_and_the_usage(client):
    script({"answer": "One two three."})
    chunks = list(
        ask(client, user("Count."), stream=True, stream_options={"include_usage": True})
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert content_of(chunks) == "One two three."
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens > 0


def test_the_stream_helper_puts_parallel_tool_calls_together(client):
    calls = [
        {"name": "search_docs", "arguments": {"query": "one rather long query"}},
        {"name": "search_docs", "arguments": {"query": "another"}},
    ]
    script({"tool_calls": calls})
    messages = [user("Search twice.")]
    with client.chat.completions.stream(model=MODEL, messages=messages, tools=[SEARCH]) as stream:
        choice = stream.get_final_completion().choices[0]
    found = [json.loads(call.function.arguments) for call in choice.message.tool_calls]
    assert found == [call["arguments"] for call in calls]


def test_the_asynchronous_client_streams_too():
    async def streamed():
        options = {"base_url": f"{MODEL_URL}/v1", "api_key": "none", "max_retries": 0}
        async with openai.AsyncOpenAI(**options) as client:
            stream = await ask(client, user("Count."), stream=True)
            return [chunk async for chunk in stream]

    script({"answer": "One two three.", "chunk_delay_ms": 5})
    assert content_of(asyncio.run(streamed())) == "One two three."


def test_an_error_event_in_the_middle_of_a_stream_is_an_error_of_the_client(client):
    script({"answer": "One two three.", "error_after_chunks": 2})
    with pytest.raises(openai.APIError):
        list(ask(client, user("Count."), stream=True))


def test_a_connection_that_breaks_in_the_middle_of_a_stream_is_an_error(client):
    script({"answer": "One two three.", "break_after_chunks": 2})
    with pytest.raises(Exception) as broken:
        list(ask(client, user("Count."), stream=True))
    assert "incomplete" in str(broken.value) or isinstance(broken.value, openai.APIError)


def test_a_stream_that_is_cut_cleanly_ends_without_a_finish_reason(client):
    script({"answer": "One two three.", "cut_after_chunks": 2})
    chunks = list(ask(client, user("Count."), stream=True))
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None]


def test_errors_carry_the_classes_codes_and_headers_that_the_client_knows(client):
    script({"status": 429, "retry_after_s": 7}, {"status": 429, "code": "insufficient_quota"})
    script({"status": 503}, {"status": 401})
    with pytest.raises(openai.RateLimitError) as limited:
        ask(client, user("?"))
    assert limited.value.response.headers["retry-after"] == "7"
    assert limited.value.code == "rate_limit_exceeded"
    for kind, code in [
        (openai.RateLimitError, "insufficient_quota"),
        (openai.InternalServerError, None),
        (openai.AuthenticationError, "invalid_api_key"),
    ]:
        with pytest.raises(kind) as refused:
            ask(client, user("?"))
        assert refused.value.code == code
    statuses = [request["status"] for request in control("requests")["requests"]]
    assert statuses == [429, 429, 503, 401]


def test_a_late_answer_is_a_timeout_of_the_client(client):
    script({"answer": "Late.", "delay_ms": 5_000})
    with pytest.raises(openai.APITimeoutError):
        ask(client, user("?"), timeout=0.2)


def test_wrong_requests_are_refused_with_the_parameter_at_fault(client):
    with pytest.raises(openai.BadRequestError) as empty:
        ask(client)
    assert empty.value.param == "messages"
    with pytest.raises(openai.BadRequestError):
        ask(client, user("?"), {"role": "tool", "tool_call_id": "x", "content": ""})
    with pytest.raises(openai.NotFoundError):
        client.get("/no-such-route", cast_to=object)


def test_a_request_given_up_by_its_client_is_seen_to_end(client):
    script({"answer": "One two three.", "stall_after_chunks": 1})
    with ask(client, user("Count."), stream=True) as stream:
        assert next(iter(stream)).choices[0].delta.role == "assistant"
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while (ending := control("requests")["requests"][0]["ending"]) != "client_left":
        assert time.monotonic() < deadline, f"the request is still {ending}"
        time.sleep(0.02)


def test_embeddings_have_the_length_asked_for_and_like_texts_are_near(client):
    texts = ["Failed events are replayed.", "How to replay a failed event", "Backups run nightly."]
    options = {"model": "text-embedding-3-small", "input": texts, "dimensions": 256}
    # Without a format the client asks for base64 and decodes it.
    decoded = [entry.embedding for entry in client.embeddings.create(**options).data]
    floats = client.embeddings.create(**options, encoding_format="float").data

    def dot(one, other):
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert len(decoded[0]) == 256
    assert dot(decoded[0], decoded[0]) == pytest.approx(1.0, abs=1e-5)
    assert dot(decoded[0], decoded[1]) > 0.9 > 0.3 > dot(decoded[0], decoded[2])
    assert floats[0].embedding == pytest.approx(decoded[0], abs=1e-6)
    whole = client.embeddings.create(model="text-embedding-3-small", input="Text")
    assert len(whole.data[0].embedding) == 1536
