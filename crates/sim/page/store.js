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
  /** The open modals of everybody by id, in the order they were opened, and what is wrong in them. */
  #views = new Map();
  #errors = new Map();
  /** The Home tabs by person. */
  #homes = new Map();
  #groups = new Map();
  /** How long a stream stays open. */
  #streamMs = 300_000;
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
    this.#views = new Map((state.views ?? []).map((entry) => [entry.view.id, entry]));
    this.#homes = new Map((state.homes ?? []).map(({ user, view }) => [user, view]));
    this.#groups = new Map((state.usergroups ?? []).map((group) => [group.id, group]));
    this.#streamMs = (state.settings?.stream_lifetime_s ?? 300) * 1000;
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
    group: (id) => (this.#groups.has(id) ? `@${this.#groups.get(id).handle}` : null),
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

  /** The channels a person sees: public ones, and others that they are in. */
  visibleChannels() {
    return [...this.channels.values()].filter((channel) => channel.type === 'channel' || channel.members?.includes(this.me));
  }

  /** Whether the bot reads along in a channel. */
  botIsIn(channel) {
    return channel.is_im || !channel.members || channel.members.includes(this.bot()?.id);
  }

  title(channel) {
    if (channel.is_im) return this.person(this.bot()?.id ?? channel.user).name;
    if (!channel.is_mpim) return channel.name;
    return channel.members.filter((id) => id !== this.me).map((id) => this.person(id).name).join(', ');
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

  /** Whether a message is still being written; a stream that nobody ends, ends by itself. */
  isStreaming(message) {
    return message.streaming_state === 'in_progress' && Date.now() - Number(message.ts) * 1000 < this.#streamMs;
  }

  /** After how many milliseconds an open stream is over at the latest. */
  get streamMs() {
    return this.#streamMs;
  }

  /** The modal on top for who one is. */
  topView() {
    const mine = [...this.#views.values()].filter(({ user }) => user === this.me).map(({ view }) => view);
    return mine.filter(({ id }) => !mine.some((other) => other.previous_view_id === id)).at(-1) ?? null;
  }

  errorsOf(view) {
    return this.#errors.get(view) ?? null;
  }

  setErrors(view, errors) {
    this.#errors.set(view, errors);
  }

  /** The Home tab of who one is. */
  home() {
    return this.#homes.get(this.me) ?? null;
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
      case 'user':
        this.users.set(change.user.id, change.user);
        break;
      case 'view':
        this.#errors.delete(change.view.id);
        this.#views.set(change.view.id, change);
        break;
      case 'view_errors':
        this.#errors.set(change.view_id, change.errors);
        break;
      case 'view_closed':
        this.#views.delete(change.view_id);
        break;
      case 'home':
        this.#homes.set(change.user, change.view);
        break;
      default:
        // Suggested prompts have no place on this page.
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
