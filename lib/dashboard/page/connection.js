// @ts-check

/** Milliseconds until the next try where the browser has given up; doubled each time. */
const firstPause = 1000;
const longestPause = 30_000;
/** A page that nobody sees says goodbye after this time, and comes back when it is looked at. */
const patience = 60_000;

/** @typedef {'connecting' | 'live' | 'paused' | 'lost'} LinkState */

/** The stream of events: kept open as long as somebody looks. */
export class Connection {
  /** @type {EventSource | undefined} */
  #source;
  #pause = firstPause;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #paused = false;
  #listeners;

  /**
   * @param {{
   *   snapshot: (data: import('./model.js').Snapshot) => void,
   *   tick: (data: import('./model.js').View) => void,
   *   state: (state: LinkState) => void,
   * }} listeners
   */
  constructor(listeners) {
    this.#listeners = listeners;
    this.#open();
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.#timer);
      if (this.#paused) return;
      if (document.hidden) this.#timer = setTimeout(() => this.#close(), patience);
      else if (this.#source === undefined) this.#open();
    });
    addEventListener('pagehide', () => this.#close());
    addEventListener('pageshow', () => {
      if (this.#source === undefined && !this.#paused) this.#open();
    });
  }

  /** @param {boolean} paused */
  setPaused(paused) {
    this.#paused = paused;
    clearTimeout(this.#timer);
    this.#close();
    if (paused) this.#listeners.state('paused');
    else this.#open();
  }

  #open() {
    const source = new EventSource('events');
    this.#source = source;
    source.addEventListener('snapshot', ({ data }) => {
      this.#pause = firstPause;
      this.#listeners.state('live');
      this.#listeners.snapshot(JSON.parse(data));
    });
    source.addEventListener('tick', ({ data }) => this.#listeners.tick(JSON.parse(data)));
    source.addEventListener('error', () => {
      this.#listeners.state('lost');
      // A stream that broke off the browser opens again by itself; an answer that says no it takes for the last word.
      if (source.readyState !== EventSource.CLOSED) return;
      this.#close();
      this.#timer = setTimeout(() => this.#open(), this.#pause);
      this.#pause = Math.min(longestPause, this.#pause * 2);
    });
  }

  #close() {
    this.#source?.close();
    this.#source = undefined;
  }
}
