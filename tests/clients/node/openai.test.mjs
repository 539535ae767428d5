// The official `openai` package against the offline model.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import OpenAI from 'openai';

const modelUrl = process.env.SIM_MODEL_URL;
if (!modelUrl) {
  throw new Error(
    'SIM_MODEL_URL: expected the address of an offline model, such as http://127.0.0.1:8091, found nothing; see tests/clients/README.md',
  );
}

/** Never retries by itself, so that each call of a test is one request. */
const client = new OpenAI({ baseURL: `${modelUrl}/v1`, apiKey: 'none', maxRetries: 0 });
const model = 'offline';
const search = {
  type: 'function',
  function: {
    name: 'search_docs',
    description: 'Searches the documents',
    parameters: { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] },
  },
};
const user = (content) => ({ role: 'user', content });

/** Calls the model's control API. */
async function control(path, method, body) {
  const init = { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`${modelUrl}/sim/${path}`, init);
  assert.ok(response.ok, `control API: ${method} ${path} answered ${response.status}`);
  return response.json();
}

const script = (...steps) => control('script', 'POST', { steps });

async function collected(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const contentOf = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');

beforeEach(async () => {
  await control('script', 'DELETE');
  await control('requests', 'DELETE');
});

test('the models are listed, and any one of them can be read', async () => {
  const listed = await collected(await client.models.list());
  assert.ok(listed.some((entry) => entry.id === model && entry.object === 'model'));
  assert.equal((await client.models.retrieve('gpt-5-mini')).id, 'gpt-5-mini');
});

test('a plain answer without tools says that there are no sources', async () => {
  const completion = await client.chat.completions.create({ model, messages: [user('What is a lease?')] });
  assert.equal(completion.object, 'chat.completion');
  assert.equal(completion.choices[0].finish_reason, 'stop');
  assert.match(completion.choices[0].message.content, /no sources.*offline model/s);
  const { prompt_tokens, completion_tokens, total_tokens } = completion.usage;
  assert.ok(prompt_tokens > 0 && completion_tokens > 0);
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
});

test('a tool call goes round: search, result, cited answer', async () => {
  const messages = [user('How are failed events replayed?')];
  const first = await client.chat.completions.create({ model, messages, tools: [search] });
  assert.equal(first.choices[0].finish_reason, 'tool_calls');
  const [call] = first.choices[0].message.tool_calls;
  assert.deepEqual(JSON.parse(call.function.arguments), { query: 'failed events replayed' });
  const content = '[1] README.md › Replay: Failed events are replayed with `athenaeum replay`.';
  messages.push(first.choices[0].message, { role: 'tool', tool_call_id: call.id, content });
  const second = await client.chat.completions.create({ model, messages, tools: [search] });
  assert.match(second.choices[0].message.content, /^Failed events are replayed with `athenaeum replay`\. \[1\]/);
});

test('the tool runner of the client drives the loop by itself', async () => {
  const asked = [];
  const run = async ({ query }) => {
    asked.push(query);
    return '[1] ops.md › Backups: Backups are kept for thirty days.';
  };
  const tool = { type: 'function', function: { ...search.function, function: run, parse: JSON.parse } };
  const runner = client.chat.completions.runTools({ model, messages: [user('How long are backups kept?')], tools: [tool] });
  assert.match(await runner.finalContent(), /kept for thirty days\. \[1\]/);
  assert.deepEqual(asked, ['backups kept']);
});

test('a stream gives the content in order, the reason and the usage', async () => {
  await script({ answer: 'One two three.' });
  const stream = await client.chat.completions.create({
    model,
    messages: [user('Count.')],
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await collected(stream);
  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  assert.equal(contentOf(chunks), 'One two three.');
  assert.equal(chunks.at(-2).choices[0].finish_reason, 'stop');
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.ok(chunks.at(-1).usage.total_tokens > 0);
});

test('the stream helper puts parallel tool calls together', async () => {
  const tool_calls = [
    { name: 'search_docs', arguments: { query: 'one rather long query' } },
    { name: 'search_docs', arguments: { query: 'another' } },
  ];
  await script({ tool_calls });
  const stream = client.chat.completions.stream({ model, messages: [user('Search twice.')], tools: [search] });
  const completion = await stream.finalChatCompletion();
  assert.equal(completion.choices[0].finish_reason, 'tool_calls');
  const found = completion.choices[0].message.tool_calls.map((call) => JSON.parse(call.function.arguments));
  assert.deepEqual(found, tool_calls.map((call) => call.arguments));
});

test('an error event in the middle of a stream is an error of the client', async () => {
  await script({ answer: 'One two three.', error_after_chunks: 2 });
  const stream = await client.chat.completions.create({ model, messages: [user('Count.')], stream: true });
  await assert.rejects(collected(stream), OpenAI.APIError);
});

test('a connection that breaks in the middle of a stream is an error of the client', async () => {
  await script({ answer: 'One two three.', break_after_chunks: 2 });
  const stream = await client.chat.completions.create({ model, messages: [user('Count.')], stream: true });
  await assert.rejects(collected(stream));
});

test('a stream that is cut cleanly ends without a finish reason', async () => {
  await script({ answer: 'One two three.', cut_after_chunks: 2 });
  const chunks = await collected(
    await client.chat.completions.create({ model, messages: [user('Count.')], stream: true }),
  );
  assert.equal(chunks.length, 2);
  assert.ok(chunks.every((chunk) => chunk.choices[0].finish_reason === null));
});

test('errors carry the classes, codes and headers that the client knows', async () => {
  await script({ status: 429, retry_after_s: 7 }, { status: 429, code: 'insufficient_quota' }, { status: 503 });
  const ask = () => client.chat.completions.create({ model, messages: [user('?')] }).then(assert.fail, (error) => error);
  const limited = await ask();
  assert.ok(limited instanceof OpenAI.RateLimitError, String(limited));
  assert.equal(limited.headers.get('retry-after'), '7');
  assert.equal(limited.code, 'rate_limit_exceeded');
  assert.equal((await ask()).code, 'insufficient_quota');
  assert.ok((await ask()) instanceof OpenAI.InternalServerError);
  const { requests } = await control('requests', 'GET');
  assert.deepEqual(requests.map((request) => request.status), [429, 429, 503]);
});

test('wrong requests are refused with the parameter at fault', async () => {
  const refusal = (body) => client.chat.completions.create(body).then(assert.fail, (error) => error);
  const empty = await refusal({ model, messages: [] });
  assert.ok(empty instanceof OpenAI.BadRequestError, String(empty));
  assert.equal(empty.param, 'messages');
  const orphan = await refusal({ model, messages: [user('?'), { role: 'tool', tool_call_id: 'x', content: '' }] });
  assert.ok(orphan instanceof OpenAI.BadRequestError, String(orphan));
  await assert.rejects(client.get('/no-such-route'), OpenAI.NotFoundError);
});

test('a request given up by its client is seen to end', async () => {
  await script({ answer: 'One two three.', stall_after_chunks: 1 });
  const stream = await client.chat.completions.create({ model, messages: [user('Count.')], stream: true });
  for await (const chunk of stream) {
    assert.equal(chunk.choices[0].delta.role, 'assistant');
    break;
  }
  const deadline = Date.now() + 20_000;
  for (;;) {
    const { requests } = await control('requests', 'GET');
    if (requests[0].ending === 'client_left') break;
    assert.ok(Date.now() < deadline, `the request is still ${requests[0].ending}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test('embeddings have the length asked for, and like texts are near', async () => {
  const input = ['Failed events are replayed.', 'How to replay a failed event', 'Backups run nightly.'];
  const dot = (a, b) => a.reduce((sum, value, at) => sum + value * b[at], 0);
  // Without a format the client asks for base64 and decodes it.
  const decoded = await client.embeddings.create({ model: 'text-embedding-3-small', input, dimensions: 256 });
  const floats = await client.embeddings.create({ model: 'text-embedding-3-small', input, dimensions: 256, encoding_format: 'float' });
  const [one, like, other] = decoded.data.map((entry) => entry.embedding);
  assert.equal(one.length, 256);
  assert.ok(Math.abs(dot(one, one) - 1) < 1e-5);
  assert.ok(dot(one, like) > 0.9 && dot(one, other) < 0.3);
  floats.data[0].embedding.forEach((value, at) => assert.ok(Math.abs(value - one[at]) < 1e-6));
  const whole = await client.embeddings.create({ model: 'text-embedding-3-small', input: 'Text' });
  assert.equal(whole.data[0].embedding.length, 1536);
});
