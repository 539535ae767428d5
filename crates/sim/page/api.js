// The local Slack's control API, and its feed of changes.

async function call(path, body) {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`sim/${path}`, body === undefined ? {} : post);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok || answer.ok === false) {
    throw new Error(answer.error ?? `the local Slack answered ${response.status}`);
  }
  return answer;
}

const query = (parameters) => new URLSearchParams(Object.entries(parameters).filter(([, value]) => value)).toString();

export const api = {
  state: () => call('state'),
  messages: (channel, thread_ts) => call(`messages?${query({ channel, thread_ts })}`),
  send: (message) => call('messages', message),
  edit: (change) => call('edit', change),
  remove: (what) => call('delete', what),
  react: (reaction) => call('react', reaction),
  press: (press) => call('press', press),
  command: (command) => call('command', command),
  submit: (view) => call('submit', view),
  close: (view) => call('close', view),
  home: (tab) => call('home', tab),
  stop: (thread) => call('stop', thread),
};

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 8_000;

/**
 * Follows the feed for ever. `changed` gets each change; `opened` is called on every connection,
 * also the first, and reads what was missed; `closed` when the connection is lost.
 */
export function follow({ changed, opened, closed }) {
  let wait = RETRY_MS_MIN;
  let source = null;
  let timer = 0;
  const connect = () => {
    clearTimeout(timer);
    source = new EventSource('sim/feed');
    source.onopen = () => {
      wait = RETRY_MS_MIN;
      opened();
    };
    source.onmessage = (event) => changed(JSON.parse(event.data));
    // The browser gives up after some errors, so the page reconnects by itself.
    source.onerror = () => {
      source.close();
      closed();
      timer = setTimeout(connect, wait);
      wait = Math.min(wait * 2, RETRY_MS_MAX);
    };
  };
  // A page kept for the Back button would hold one of the few connections a browser makes.
  addEventListener('pagehide', () => {
    clearTimeout(timer);
    source.close();
  });
  addEventListener('pageshow', (event) => event.persisted && connect());
  connect();
}
