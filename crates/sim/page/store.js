// What the page knows of the workspace, and how changes of the feed alter it.

/** Slack takes a status away after two minutes without news. */
export const STATUS_MS_MAX = 120_000;

const threadKey = (channel, ts) => `${channel}/${ts}`;

export class Store {
  me = '';
  users = new Map();
  channels = new Map();
  /** Messages by channel and timestamp. */
  #messages = new Map();
  /** "is searching…" lines by channel and thread, with the time they end. */
  #statuses = new Map();
  /** The states of agent sessions by channel and thread. */
  #sessions = new Map();
  /** How many messages of others came to a channel since it was last looked at. */
  unread = new Map();
  sockets = null;
  online = false;

  /** Takes over the answer of `/sim/state`. */
  load(state) {
    this.users = new Map(state.users.map((user) => [user.id, user]));
    this.channels = new Map(state.channels.map((channel) => [channel.id, channel]));
    this.#statuses.clear();
    (state.statuses ?? []).forEach((entry) => this.#setStatus(entry));
    this.#sessions = new Map((state.sessions ?? []).map((session) => [threadKey(session.channel, session.thread_ts), session.status]));
    this.sockets = typeof state.sockets === 'number' ? state.sockets : (state.sockets?.length ?? null);
  }

  loadMessages(channel, messages) {
    this.#messages.set(channel, new Map(messages.map((message) => [message.ts, message])));
  }

  /** Takes over the answer for one thread, and leaves the channel's other messages. */
  loadThread(channel, messages) {
    messages.forEach((message) => this.#put(channel, message));
  }

  /** The names that texts refer to. */
  names = {
    user: (id) => this.users.get(id)?.profile?.display_name || this.users.get(id)?.name,
    channel: (id) => this.channels.get(id)?.name,
    isMe: (id) => id === this.me,
  };

  person(id) {
    const user = this.users.get(id);
    return { id, name: user?.real_name || user?.name || id, bot: Boolean(user?.is_bot), handle: user?.name ?? id };
  }

  people() {
    return [...this.users.values()].filter((user) => !user.is_bot && !user.deleted);
  }

  bot() {
    return [...this.users.values()].find((user) => user.is_bot);
  }

  /** The channels a person sees: public ones, and direct messages of their own. */
  visibleChannels() {
    return [...this.channels.values()].filter((channel) => !channel.is_im || channel.user === this.me);
  }

  /** Whether the bot reads along in a channel. */
  botIsIn(channel) {
    return channel.is_im || !channel.members || channel.members.includes(this.bot()?.id);
  }

  title(channel) {
    return channel.is_im ? this.person(this.bot()?.id ?? channel.user).name : channel.name;
  }

  /** What stands in a channel itself, in order: roots, single messages, and replies sent to it as well. */
  inChannel(channel) {
    const all = [...(this.#messages.get(channel)?.values() ?? [])];
    const shown = all.filter((message) => !message.thread_ts || message.thread_ts === message.ts || message.subtype === 'thread_broadcast');
    return shown.sort((one, other) => Number(one.ts) - Number(other.ts));
  }

  /** A thread's root and replies, in order. */
  inThread(channel, root) {
    const all = [...(this.#messages.get(channel)?.values() ?? [])];
    const shown = all.filter((message) => message.ts === root || message.thread_ts === root);
    return shown.sort((one, other) => Number(one.ts) - Number(other.ts));
  }

  message(channel, ts) {
    return this.#messages.get(channel)?.get(ts);
  }

  status(channel, ts) {
    const held = this.#statuses.get(threadKey(channel, ts));
    return held && Date.now() < held.until ? held.status : '';
  }

  /** Whether the bot says that it works in a thread, and can be stopped there. */
  isWorking(channel, ts) {
    return this.#sessions.get(threadKey(channel, ts)) === 'processing';
  }

  /** The statuses of a channel's threads, with their roots. */
  statusesIn(channel) {
    const roots = [...this.#statuses.keys()].filter((key) => key.startsWith(`${channel}/`)).map((key) => key.slice(channel.length + 1));
    return roots.map((ts) => ({ ts, status: this.status(channel, ts) })).filter(({ status }) => status);
  }

  /** Applies a change of the feed. */
  apply(change) {
    switch (change.type) {
      case 'message':
      case 'message_changed':
        this.#put(change.channel, change.message);
        break;
      case 'message_deleted':
        this.#messages.get(change.channel)?.delete(change.ts);
        break;
      case 'ephemeral':
        if (change.user === this.me) this.#put(change.channel, { ...change.message, ephemeral: true });
        break;
      case 'status':
        this.#setStatus(change);
        break;
      case 'session':
        this.#sessions.set(threadKey(change.channel, change.thread_ts), change.status);
        break;
      case 'sockets':
        this.sockets = change.open;
        break;
      case 'channel':
        this.channels.set(change.channel.id, change.channel);
        break;
      default:
        // Suggested prompts and views have no place on this page.
        break;
    }
  }

  #setStatus({ channel, thread_ts, status }) {
    const key = threadKey(channel, thread_ts);
    if (status) this.#statuses.set(key, { status, until: Date.now() + STATUS_MS_MAX });
    else this.#statuses.delete(key);
  }

  #put(channel, message) {
    if (!message) return;
    if (!this.#messages.has(channel)) this.#messages.set(channel, new Map());
    this.#messages.get(channel).set(message.ts, message);
  }
}
