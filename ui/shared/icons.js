// Our own icons: strokes on a grid of 24. Decoration only; the control that holds one has a name.
import { html } from './html.js';

const PATHS = {
  send: 'M4 12 20 4l-5 16-4-7-7-1z',
  clip: 'M8 12.5V7a4 4 0 0 1 8 0v9a2.5 2.5 0 0 1-5 0V8M8 12.5V16a5 5 0 0 0 10 .5',
  smile: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 14.5c1.6 2.2 5.4 2.2 7 0M9 9.5v.5M15 9.5v.5',
  note: 'M5 4h14v10l-6 6H5zM13 20v-6h6',
  close: 'M6 6l12 12M18 6 6 18',
  check: 'M5 12.5 10 17.5 19.5 7',
  checks: 'M2.5 12.5 7 17l9-10M11 16l1 1 9-10',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2',
  warn: 'M12 4 2.8 20h18.4zM12 10v4.5M12 17v.4',
  transfer: 'M4 8h14l-4-4M20 16H6l4 4',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5',
  menu: 'M4 7h16M4 12h16M4 17h16',
  more: 'M5 12v.01M12 12v.01M19 12v.01',
  back: 'M14 5l-7 7 7 7',
  next: 'M9 5l7 7-7 7',
  down: 'M5 9l7 7 7-7',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c1-8 14-8 15 0',
  download: 'M12 4v11M7 10.5l5 5 5-5M4 20h16',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  pin: 'M12 21c-5-5.5-7-8.500-7-11.500a7 7 0 0 1 14 0c0 3-2 6-7 11.500zM12 12a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z',
  phone: 'M6 3h4l1.500 5L9 10c1 2 3 4 5 5l2-2.500 5 1.500v4c0 1.500-1 3-3 3C10 20.500 3.500 14 3 6c0-2 1.500-3 3-3z',
  mail: 'M3 6h18v12H3zM3 7l9 7 9-7',
  globe: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c-5.500 5-5.500 13 0 18M12 3c5.500 5 5.500 13 0 18',
  device: 'M7 3h10v18H7zM11 18h2',
  tag: 'M4 4h8l8 8-8 8-8-8zM8 8v.01',
  bolt: 'M13 3 5 14h6l-1 7 8-11h-6z',
  bell: 'M6 17V11a6 6 0 0 1 12 0v6l1.500 2h-15zM10 21h4',
  moon: 'M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z',
  keys: 'M3 6h18v12H3zM7 10v.01M11 10v.01M15 10v.01M8 14h8',
  exit: 'M14 4h6v16h-6M4 12h11M8 8l-4 4 4 4',
  inbox: 'M3 13 6 5h12l3 8v6H3zM3 13h5l1.500 3h5L16 13h5',
  chat: 'M4 5h16v11h-9l-5 4v-4H4z',
  bot: 'M5 9h14v10H5zM12 9V5M9 13v1.500M15 13v1.500M12 5v-.500',
  link: 'M9 15l6-6M11 7l2-2a4 4 0 0 1 6 6l-2 2M13 17l-2 2a4 4 0 0 1-6-6l2-2',
  info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v6M12 7.500v.400',
  hand: 'M4 12h13M12 6l6 6-6 6M21 4v16',
  retry: 'M20 12a8 8 0 1 1-2.500-5.800M18 2v5h-5',
  gear: 'M12 15.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM12 3v3M12 18v3M3 12h3M18 12h3M5.600 5.600l2.200 2.200M16.200 16.200l2.200 2.200M5.600 18.400l2.200-2.200M16.200 7.800l2.200-2.200',
};

/** @param {{name: keyof typeof PATHS, size?: number, class?: string}} props */
export function Icon({ name, size = 18, class: className = '' }) {
  return html`<svg class="icon ${className}" width=${size} height=${size} viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
}
