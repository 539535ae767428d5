// The emoji this small chat knows by name; others stay written as `:name:`.

const SIGNS = {
  '+1': '👍', thumbsup: '👍', '-1': '👎', thumbsdown: '👎', eyes: '👀', white_check_mark: '✅', heavy_check_mark: '✔️',
  heart: '❤️', tada: '🎉', rocket: '🚀', fire: '🔥', thinking_face: '🤔', smile: '😄', joy: '😂', slightly_smiling_face: '🙂',
  wave: '👋', pray: '🙏', raised_hands: '🙌', clap: '👏', bulb: '💡', books: '📚', mag: '🔍', hourglass_flowing_sand: '⏳',
  hourglass: '⌛', warning: '⚠️', x: '❌', no_entry: '⛔', question: '❓', exclamation: '❗', memo: '📝', bug: '🐛', robot_face: '🤖',
  wrench: '🔧', gear: '⚙️', lock: '🔒', link: '🔗', calendar: '📅', chart_with_upwards_trend: '📈', coffee: '☕', sparkles: '✨',
  star: '⭐', 100: '💯', cry: '😢', disappointed: '😞', repeat: '🔁', arrows_counterclockwise: '🔄', information_source: 'ℹ️', point_up: '☝️',
  large_green_circle: '🟢', red_circle: '🔴', large_yellow_circle: '🟡', black_square_for_stop: '⏹️', zap: '⚡', seedling: '🌱',
};

/** The ones the picker offers, most useful first. */
export const OFFERED = [
  '+1', '-1', 'eyes', 'white_check_mark', 'heart', 'tada', 'joy', 'thinking_face', 'pray', 'raised_hands',
  'rocket', 'fire', 'bulb', 'wave', 'clap', '100', 'x', 'warning', 'question', 'bug',
];

/** The sign for a name, or the name between colons. Skin tones are dropped. */
export function sign(name) {
  const plain = name.split('::')[0];
  return Object.hasOwn(SIGNS, plain) ? SIGNS[plain] : `:${plain}:`;
}

/** Whether a name has a sign here. */
export const known = (name) => Object.hasOwn(SIGNS, name.split('::')[0]);
