// Telling a person who looks elsewhere: a sound, the page's title, a desktop notification. Nothing of it repeats by itself but the title.
import { effect, signal, computed } from '../shared/html.js';
import { sound, notifications } from '../shared/prefs.js';
import { t } from '../shared/i18n.js';
import { offers, mine, interactions, me, selectedId, listeners, listsReady } from './store.js';
import { talkOf } from './talks.js';
import { glanceOf } from './rows.js';

/** @type {AudioContext|null} */
let audio = null;
/** Browsers let a page sound only after somebody used it. */
export function unlockSound() {
  try {
    audio ??= new AudioContext();
    if (audio.state === 'suspended') audio.resume();
  } catch { /* a machine without sound */ }
}
addEventListener('pointerdown', unlockSound, { once: true, capture: true });
addEventListener('keydown', unlockSound, { once: true, capture: true });

/** How many sounds were asked for: what tests can see. */
export const beeps = signal(0);

/** @param {number[]} tones in Hz, one after the other */
function beep(tones, loud) {
  if (!sound.value) return;
  beeps.value++;
  const out = audio;
  if (!out || out.state !== 'running') return;
  tones.forEach((hz, i) => {
    const at = out.currentTime + i * 0.14;
    const tone = out.createOscillator();
    const gain = out.createGain();
    tone.frequency.value = hz;
    tone.type = 'sine';
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(loud, at + 0.015);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.28);
    tone.connect(gain).connect(out.destination);
    tone.start(at);
    tone.stop(at + 0.3);
  });
}
export const soundOffer = () => beep([659, 880], 0.25);
const soundMessage = () => beep([587], 0.12);

function notify(title, body, tag, onClick) {
  if (!notifications.value || typeof Notification === 'undefined' || Notification.permission !== 'granted' || document.visibilityState === 'visible') return;
  try {
    const n = new Notification(title, { body, tag });
    n.onclick = () => { window.focus(); onClick(); n.close(); };
  } catch { /* refused by the platform */ }
}

/** Asks the browser; what was answered is what holds. */
export async function wantNotifications(wanted) {
  if (wanted && typeof Notification !== 'undefined' && Notification.permission === 'default') await Notification.requestPermission();
  notifications.value = wanted && typeof Notification !== 'undefined' && Notification.permission === 'granted';
  return notifications.value === wanted;
}

/** What a screen reader is told. */
export const announcement = signal('');
export function announce(text) {
  announcement.value = '';
  queueMicrotask(() => { announcement.value = text; });
}

const unreadTotal = computed(() => mine.value.reduce((n, i) => n + talkOf(i.id).unread, 0));

export function startNotifying(select) {
  const told = new Set();
  effect(() => {
    for (const o of offers.value) {
      const key = `${o.id} ${o.offer?.until ?? o.version}`;
      if (told.has(key)) continue;
      told.add(key);
      soundOffer();
      announce(t('offer.announce', { name: o.customer.name || o.customer.externalId, service: o.service?.name ?? '' }));
      notify(t('offer.title'), `${o.customer.name || o.customer.externalId} · ${o.service?.name ?? ''}`, o.id, () => select(o.id));
    }
  });
  effect(() => {
    const n = unreadTotal.value;
    const waiting = offers.value.length;
    document.title = me.value ? `${waiting ? `● ${t('offer.title')} · ` : ''}${n ? `(${n}) ` : ''}${t('app.title')}` : t('app.title');
  });
  const onEvent = (event) => {
    if (event.kind !== 'message.received' || !listsReady.value) return;
    const i = interactions.value.get(event.interactionId);
    if (!i || i.agent?.id !== me.value?.id || i.state !== 'active') return;
    const looking = i.id === selectedId.value && document.visibilityState === 'visible' && document.hasFocus();
    if (looking) return;
    soundMessage();
    const glance = glanceOf(event.message);
    notify(i.customer.name || i.customer.externalId, glance.text ?? glance.file ?? t('message.rich'), i.id, () => select(i.id));
  };
  listeners.add(onEvent);
}
