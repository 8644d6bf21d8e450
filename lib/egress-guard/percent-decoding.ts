/** Undoes the escapes of a form's body (`application/x-www-form-urlencoded`), in chunks cut anywhere. */
export class FormDecoder {
  #held = '';

  write(chunk: Buffer): Buffer {
    const text = this.#held + chunk.toString('latin1');
    // An escape that has begun.
    const open = text.lastIndexOf('%');
    const cut = open !== -1 && text.length - open < 3 ? open : text.length;
    this.#held = text.slice(cut);
    return Buffer.from(unescapeForm(text.slice(0, cut)), 'latin1');
  }

  end(): Buffer {
    const rest = Buffer.from(this.#held, 'latin1');
    this.#held = '';
    return rest;
  }
}

/** Bytes as latin1 text; what is no escape stays. */
export function unescapeForm(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  return spaced.replace(/%([\da-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
