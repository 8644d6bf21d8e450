/** For smaller pieces it would cost more than it saves. */
const minBytes = 8 * 1024;

/**
 * Gives the memory of a piece back to the system at once; the piece is empty afterwards. It lies outside of V8's heap, which
 * would free it in a full collection only: one for each 50 MB that pass, and each marks all objects of the app.
 *
 * @param piece that nobody else has; one that shares its memory with others is left alone
 */
export function giveBack({ buffer, length }: Buffer): void {
  if (length < minBytes || length !== buffer.byteLength) return;
  if (buffer instanceof ArrayBuffer && !buffer.resizable) buffer.transfer(0);
}
