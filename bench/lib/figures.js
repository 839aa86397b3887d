export const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** The median of each figure that all samples have. */
export function middle(samples) {
  const out = {};
  for (const key of Object.keys(samples[0])) {
    const values = samples.map((s) => s[key]).filter((v) => typeof v === 'number' && !Number.isNaN(v));
    if (values.length) out[key] = median(values);
  }
  return out;
}

export function number(n, unit = '') {
  if (n === undefined || n === null || Number.isNaN(n)) return '';
  const digits = Math.abs(n) >= 100 ? 0 : Math.abs(n) >= 10 ? 1 : 2;
  const text = digits ? n.toFixed(digits) : n.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ' ');
  return unit ? `${text} ${unit}` : text;
}

/** Lines of a Markdown table whose columns stand under each other. */
export function table(head, rows) {
  const all = [head, ...rows].map((row) => row.map((cell) => `${cell ?? ''}`));
  const widths = head.map((_, i) => Math.max(3, ...all.map((row) => [...row[i]].length)));
  const numeric = head.map((_, i) => i > 0 && rows.length > 0 && rows.every((row) => /^([<>≤≥]? ?[\d .]+( \S+)?)?$/.test(`${row[i] ?? ''}`)));
  const line = (row) => `| ${row.map((cell, i) => {
    const fill = ' '.repeat(widths[i] - [...cell].length);
    return numeric[i] ? fill + cell : cell + fill;
  }).join(' | ')} |`;
  return [line(all[0]), `|${widths.map((w, i) => '-'.repeat(w + 1) + (numeric[i] ? ':' : '-')).join('|')}|`, ...all.slice(1).map(line)].join('\n');
}
