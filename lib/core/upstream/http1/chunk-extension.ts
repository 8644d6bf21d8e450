import { AnswerError } from './answer-error.ts';
import { CR, isTokenByte } from './bytes.ts';

const QUOTE = 34;
const SEMICOLON = 59;
const EQUALS = 61;
const BACKSLASH = 92;

type State = 'name' | 'name-rest' | 'value' | 'value-rest' | 'quoted' | 'escaped' | 'behind-quoted';

/**
 * Reads past the extensions of one chunk-size line (RFC 9112 §7.1.1) without keeping them. They are
 * checked all the same: a server and a client that disagree where the line ends disagree on the body.
 */
export class ChunkExtension {
  #state: State = 'name';

  /** The semicolon before the first extension has been read. */
  begin(): void {
    this.#state = 'name';
  }

  /**
   * Takes one byte.
   *
   * @returns true for the CR that ends the line
   * @throws {AnswerError} for what is no extension
   */
  take(byte: number): boolean {
    switch (this.#state) {
      case 'name':
        if (isTokenByte[byte] === 1) this.#state = 'name-rest';
        else throw malformed();
        return false;
      case 'name-rest':
        if (byte === EQUALS) {
          this.#state = 'value';
          return false;
        }
        return this.#takeRest(byte);
      case 'value':
        if (byte === QUOTE) this.#state = 'quoted';
        else if (isTokenByte[byte] === 1) this.#state = 'value-rest';
        else throw malformed();
        return false;
      case 'value-rest':
        return this.#takeRest(byte);
      case 'quoted':
        if (byte === QUOTE) this.#state = 'behind-quoted';
        else if (byte === BACKSLASH) this.#state = 'escaped';
        else if (!isText(byte)) throw malformed();
        return false;
      case 'escaped':
        if (!isText(byte)) throw malformed();
        this.#state = 'quoted';
        return false;
      case 'behind-quoted':
        return this.#takeEnd(byte);
    }
  }

  #takeRest(byte: number): boolean {
    return isTokenByte[byte] === 1 ? false : this.#takeEnd(byte);
  }

  #takeEnd(byte: number): boolean {
    if (byte === CR) return true;
    if (byte !== SEMICOLON) throw malformed();
    this.#state = 'name';
    return false;
  }
}

/** What may stand between quotes (RFC 9110 §5.6.4); obs-text is left out, as Node does. */
function isText(byte: number): boolean {
  return byte === 9 || (byte >= 0x20 && byte < 0x7f);
}

function malformed(): AnswerError {
  return new AnswerError('malformed chunk extension');
}
