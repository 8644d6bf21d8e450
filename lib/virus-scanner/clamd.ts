import { DialogueAddress, type Dialogue, type DialogueTarget } from '../core/upstream/dialogue.ts';
import {
  printable,
  verdictOf,
  type Scan,
  type ScanFailure,
  type ScanListener,
  type Scanner,
  type ScanSubject,
  type Verdict,
} from './scanner.ts';

/** Milliseconds. */
export interface ScanTimeouts {
  readonly connect: number;
  /** The engine takes no more bytes. */
  readonly idle: number;
  /** From the last byte to the verdict. */
  readonly verdict: number;
}

/** Names of findings are short; nobody reads on for ever. */
const longestReply = 4096;
/** Milliseconds for which an engine that has called a body clean may say more, where it does not close the connection. */
const afterword = 100;

/** ClamAV's daemon: INSTREAM, one connection for each scan, as clamd(8) has it. */
export class Clamd implements Scanner {
  readonly name: string;
  readonly judgesUrl = false;
  readonly #address: DialogueAddress;
  readonly #timeouts: ScanTimeouts;

  constructor(target: DialogueTarget, timeouts: ScanTimeouts) {
    this.name = `clamd ${target.socket ?? `${target.host ?? '127.0.0.1'}:${target.port ?? 0}`}`;
    this.#address = new DialogueAddress(target, timeouts.connect);
    this.#timeouts = timeouts;
  }

  get rest(): number {
    return this.#timeouts.idle;
  }

  scan(_subject: ScanSubject, listener: ScanListener): Scan {
    return new Instream(this.#address, this.#timeouts, listener);
  }

  check(done: (version: string | undefined, reason: string) => void): void {
    const reply = new Reply((text, reason) => {
      dialogue.destroy();
      // Another service on that port may say anything.
      if (text?.startsWith('ClamAV ') === true) done(printable(text), '');
      else done(undefined, text === undefined ? reason : `says ${printable(text)}`);
    });
    const dialogue = this.#address.open(reply);
    dialogue.write('zVERSION\0');
    dialogue.limit(this.#timeouts.connect, 'no answer to VERSION');
    reply.dialogue = dialogue;
  }

  close(): void {
    // Connections end with their scans.
  }
}

/** One answer of clamd, up to its NUL. Where another one follows nobody knows which of them counts, so neither does. */
class Reply {
  readonly #done: (text: string | undefined, reason: string) => void;
  readonly #mayFollow: (text: string) => boolean;
  dialogue: Dialogue | undefined;
  #text = '';

  /** @param mayFollow whether something behind this answer would change it: then it counts when clamd has closed the connection */
  constructor(
    done: (text: string | undefined, reason: string) => void,
    mayFollow: (text: string) => boolean = () => false,
  ) {
    this.#done = done;
    this.#mayFollow = mayFollow;
  }

  onData(bytes: Buffer): void {
    this.#text += bytes.toString('latin1');
    const end = this.#text.indexOf('\0');
    if (end === -1 && this.#text.length <= longestReply) return;
    if (end !== -1 && end === this.#text.length - 1 && this.#mayFollow(this.#text.slice(0, end))) {
      this.dialogue?.limit(afterword, 'nothing more');
      return;
    }
    this.dialogue?.destroy();
    if (end === -1) this.#done(undefined, 'its answer does not end');
    else if (end < this.#text.length - 1) this.#done(undefined, 'it says more than one answer');
    else this.#done(this.#text.slice(0, end), '');
  }

  onClose(reason: Error): void {
    if (this.#text.endsWith('\0')) this.#done(this.#text.slice(0, -1), '');
    else this.#done(undefined, reason.message);
  }
}

class Instream implements Scan {
  readonly #dialogue: Dialogue;
  readonly #timeouts: ScanTimeouts;
  readonly #listener: ScanListener;
  #ended = false;
  #over = false;

  constructor(address: DialogueAddress, timeouts: ScanTimeouts, listener: ScanListener) {
    this.#timeouts = timeouts;
    this.#listener = listener;
    const reply = new Reply(
      (text, reason) => {
        this.#answered(text, reason);
      },
      (text) => this.#ended && text === clean,
    );
    this.#dialogue = address.open({
      onData: (bytes) => {
        reply.onData(bytes);
      },
      onDrain: () => {
        if (!this.#ended) this.#dialogue.lift();
        this.#listener.onDrain();
      },
      onClose: (error) => {
        reply.onClose(error);
      },
    });
    reply.dialogue = this.#dialogue;
    this.#dialogue.write('zINSTREAM\0');
    this.#dialogue.flushed(() => {
      this.#listener.onReady();
    });
  }

  write(chunk: Buffer): boolean {
    if (this.#over || chunk.length === 0) return true;
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(chunk.length);
    const more = this.#dialogue.write(length, chunk);
    if (!more) this.#dialogue.limit(this.#timeouts.idle, 'it takes no more bytes');
    return more;
  }

  end(): void {
    if (this.#over) return;
    this.#ended = true;
    // Not half-closed: clamd gives up its scan then.
    this.#dialogue.write(endOfStream);
    this.#dialogue.limit(this.#timeouts.verdict, 'no verdict');
  }

  abort(): void {
    this.#over = true;
    this.#dialogue.destroy();
  }

  #answered(text: string | undefined, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    const outcome = text === undefined ? { reason, answered: false } : read(text, this.#ended);
    if ('kind' in outcome) this.#listener.onVerdict(outcome);
    else this.#listener.onFailure(outcome);
  }
}

const endOfStream = Buffer.alloc(4);
const clean = 'stream: OK';
const found = /^stream: (.+) FOUND$/;

/** @param ended clamd has had all of it: before that nothing can be clean */
function read(text: string, ended: boolean): Verdict | ScanFailure {
  if (text === clean && ended) return { kind: 'clean' };
  const [, finding] = found.exec(text) ?? [];
  if (finding !== undefined) return verdictOf(finding);
  if (text.startsWith('INSTREAM size limit exceeded.'))
    return { kind: 'oversize', finding: 'StreamMaxLength of clamd' };
  return { reason: `says ${printable(text)}`, answered: true };
}
