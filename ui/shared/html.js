// What views are made of: html`…` gives Preact elements.
import { h } from '../vendor/preact.js';
import htm from '../vendor/htm.js';

/** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(h);
export { h, render, Fragment } from '../vendor/preact.js';
export { useEffect, useLayoutEffect, useRef, useState, useMemo, useCallback, useId } from '../vendor/preact-hooks.js';
export { signal, computed, effect, batch, useSignal, useComputed, useSignalEffect } from '../vendor/signals.js';
