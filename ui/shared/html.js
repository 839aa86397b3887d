// What views are made of: html`…` gives Preact elements, signals are what they read. The one place that names the libraries.
import * as preact from '../vendor/preact.js';
import * as hooks from '../vendor/preact-hooks.js';
import * as signals from '../vendor/signals.js';
import htm from '../vendor/htm.js';

/** @template T @typedef {{value: T, peek(): T}} Signal */
/** @template T @typedef {{readonly value: T, peek(): T}} Computed */

export const html = /** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */ (htm.bind(preact.h));
export const render = /** @type {(view: any, into: Element) => void} */ (preact.render);

export const signal = /** @type {<T>(value: T) => Signal<T>} */ (signals.signal);
export const computed = /** @type {<T>(f: () => T) => Computed<T>} */ (signals.computed);
/** Runs f now and whenever a signal that it read has changed; the answer stops it. */
export const effect = /** @type {(f: () => any) => () => void} */ (signals.effect);
export const batch = /** @type {<T>(f: () => T) => T} */ (signals.batch);

export const useState = /** @type {<T>(first: T) => [T, (next: T | ((old: T) => T)) => void]} */ (hooks.useState);
export const useRef = /** @type {<T>(first: T) => {current: T}} */ (hooks.useRef);
export const useEffect = /** @type {(f: () => any, on?: any[]) => void} */ (hooks.useEffect);
export const useLayoutEffect = /** @type {(f: () => any, on?: any[]) => void} */ (hooks.useLayoutEffect);
export const useId = /** @type {() => string} */ (hooks.useId);
