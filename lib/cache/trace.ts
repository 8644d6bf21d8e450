import createDebug from 'debug';

/** `DEBUG=sekisho:cache` shows what the cache did with each request, and why it did not store an answer. */
export const debug: createDebug.Debugger = createDebug('sekisho:cache');
