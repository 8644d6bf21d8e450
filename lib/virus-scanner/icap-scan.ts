import { createHash, type Hash } from 'node:crypto';
import type { Dialogue } from '../core/upstream/dialogue.ts';
import type { ScanTimeouts } from './clamd.ts';
import { icapRequest } from './icap-request.ts';
import { IcapReply, type IcapHead } from './icap-reply.ts';
import type { IcapService } from './icap-service.ts';
import { threatOf } from './icap-threat.ts';
import {
  printable,
  verdictOf,
  type Scan,
  type ScanFailure,
  type ScanListener,
  type ScanSubject,
  type Verdict,
} from './scanner.ts';

/** What a scan needs of the service. */
export interface IcapLine {
  readonly url: URL;
  readonly timeouts: ScanTimeouts;
  /** Calls back with a connection when the service is known. @returns a function that gives up */
  connect(
    ready: (service: IcapService, dialogue: Dialogue, reused: boolean) => void,
    failed: (reason: string, crowded: boolean) => void,
  ): () => void;
  /** The connection is as new. */
  keep(dialogue: Dialogue): void;
  /** A kept connection had gone stale: the others are as old. */
  forget(): void;
}

type State = 'connecting' | 'preview' | 'waiting' | 'streaming' | 'ended';

/** One RESPMOD or REQMOD. */
export class IcapScan implements Scan {
  readonly #line: IcapLine;
  readonly #subject: ScanSubject;
  readonly #listener: ScanListener;
  readonly #reply: IcapReply;
  #giveUp: () => void;
  #dialogue: Dialogue | undefined;
  #reused = false;
  #heard = false;
  #state: State = 'connecting';
  #preview: number | undefined;
  /** Written while nobody could take it. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #bodyEnded = false;
  #over = false;
  /** Of what was sent, and of what a server without 204 sends back. */
  readonly #sent: Hash = createHash('sha256');
  #echo: Hash | undefined;
  #closes = false;
  #verdict: Verdict | undefined;
  /** Something came behind the verdict. */
  #surplus = false;

  constructor(line: IcapLine, subject: ScanSubject, listener: ScanListener) {
    this.#line = line;
    this.#subject = subject;
    this.#listener = listener;
    this.#reply = new IcapReply({
      onHead: (head) => {
        this.#onHead(head);
      },
      onBody: (bytes) => this.#echo?.update(bytes),
      onEnd: () => {
        this.#onEnd();
      },
    });
    this.#giveUp = () => undefined;
    this.#giveUp = line.connect(
      (service, dialogue, reused) => {
        this.#begin(service, dialogue, reused);
      },
      (reason, crowded) => {
        this.#fail({ reason, answered: false, stale: crowded });
      },
    );
  }

  write(chunk: Buffer): boolean {
    if (this.#over || chunk.length === 0) return true;
    if (this.#state === 'streaming') return this.#send(chunk);
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    return this.#state === 'preview' && !this.#sendPreview();
  }

  end(): void {
    if (this.#over) return;
    this.#bodyEnded = true;
    if (this.#state === 'preview') this.#sendPreview();
    else if (this.#state === 'streaming') this.#sendEnd();
  }

  abort(): void {
    this.#over = true;
    this.#held = [];
    this.#giveUp();
    this.#dialogue?.destroy();
  }

  #begin(service: IcapService, dialogue: Dialogue, reused: boolean): void {
    this.#dialogue = dialogue;
    this.#reused = reused;
    dialogue.wake({
      onData: (bytes) => {
        this.#onData(bytes);
      },
      onDrain: () => {
        if (this.#state === 'streaming') {
          dialogue.lift();
          this.#listener.onDrain();
        }
      },
      onClose: (reason) => {
        const stale = this.#reused && !this.#heard;
        if (stale) this.#line.forget();
        this.#fail({ reason: reason.message, answered: false, stale });
      },
    });
    const method = this.#subject.direction === 'upload' ? 'REQMOD' : 'RESPMOD';
    if (!service.methods.has(method)) {
      this.#fail({ reason: `it does not offer ${method}`, answered: true });
      return;
    }
    this.#preview = service.preview;
    if (this.#preview !== undefined) {
      this.#state = 'preview';
      // What follows a preview waits for the server's word.
      if (!this.#sendPreview()) this.#listener.onDrain();
      return;
    }
    dialogue.write(icapRequest(this.#line.url, this.#subject, undefined));
    dialogue.flushed(() => {
      if (!this.#over) this.#listener.onReady();
    });
    this.#stream();
  }

  /** @returns false when not all of it is there yet, or it is not known whether something follows */
  #sendPreview(): boolean {
    const most = this.#preview as number;
    if (this.#heldBytes <= most && !this.#bodyEnded) return false;
    const dialogue = this.#dialogue as Dialogue;
    const held = Buffer.concat(this.#held);
    const first = held.subarray(0, most);
    const isAll = held.length <= most;
    this.#held = isAll ? [] : [held.subarray(most)];
    dialogue.write(icapRequest(this.#line.url, this.#subject, Math.min(most, first.length)));
    this.#send(first);
    dialogue.write(isAll ? '0; ieof\r\n\r\n' : '0\r\n\r\n');
    this.#state = isAll ? 'ended' : 'waiting';
    dialogue.limit(this.#line.timeouts.verdict, 'no verdict');
    return true;
  }

  /** The server wants the rest. */
  #stream(): void {
    this.#state = 'streaming';
    this.#dialogue?.lift();
    let more = true;
    for (const chunk of this.#held.splice(0)) more = this.#send(chunk);
    if (this.#bodyEnded) this.#sendEnd();
    else if (more) this.#listener.onDrain();
  }

  #send(chunk: Buffer): boolean {
    if (chunk.length === 0) return true;
    const dialogue = this.#dialogue as Dialogue;
    this.#sent.update(chunk);
    const more = dialogue.write(`${chunk.length.toString(16)}\r\n`, chunk, '\r\n');
    if (!more) dialogue.limit(this.#line.timeouts.idle, 'it takes no more bytes');
    return more;
  }

  #sendEnd(): void {
    this.#state = 'ended';
    this.#dialogue?.write('0\r\n\r\n');
    this.#dialogue?.limit(this.#line.timeouts.verdict, 'no verdict');
  }

  #onData(bytes: Buffer): void {
    this.#heard = true;
    try {
      this.#reply.push(bytes);
    } catch (error) {
      this.#surplus = true;
      this.#fail({ reason: (error as Error).message, answered: false });
    }
    if (this.#verdict !== undefined) this.#conclude(this.#verdict);
  }

  #onHead(head: IcapHead): void {
    this.#surplus ||= this.#verdict !== undefined;
    if (this.#over) return;
    const { status, reason, fields } = head;
    if (status === 100) {
      if (this.#state === 'waiting') {
        this.#stream();
        this.#listener.onReady();
      } else this.#fail({ reason: 'says 100 to nobody who waits', answered: false });
      return;
    }
    if (this.#state === 'connecting' || this.#state === 'preview') {
      this.#line.forget();
      this.#fail({
        reason: `says ${status} before it was asked`,
        answered: false,
        stale: this.#reused,
      });
      return;
    }
    this.#closes = /\bclose\b/i.test(fields.get('connection') ?? '');
    const finding = threatOf(fields);
    if (finding !== undefined) this.#judge(verdictOf(finding));
    else if (status === 204) this.#onUnchanged(head);
    else if (status !== 200)
      this.#fail({ reason: `says ${status} ${printable(reason)}`, answered: true });
    else if (head.answerStatus !== undefined && this.#isReplaced(head.answerStatus))
      this.#onReplaced(head.answerStatus);
    else if (head.hasBody && this.#isOfKind(head)) this.#echo = createHash('sha256');
    else this.#fail({ reason: 'its answer is no verdict', answered: true });
  }

  /** RFC 3507 §4.5, §4.6: to a preview, or to all of it. */
  #onUnchanged({ encapsulates }: IcapHead): void {
    if (this.#state === 'streaming')
      this.#fail({ reason: 'says 204 before it had everything', answered: true });
    else if (encapsulates.size > 0)
      this.#fail({ reason: 'says 204 and something else', answered: false });
    else this.#judge({ kind: 'clean' });
  }

  #isReplaced(status: number): boolean {
    return this.#subject.direction === 'upload' || status !== this.#subject.status;
  }

  /** What comes back is what went there: of an answer an answer, of a request a request. */
  #isOfKind({ encapsulates }: IcapHead): boolean {
    return (
      encapsulates.has(this.#subject.direction === 'upload' ? 'req' : 'res') &&
      encapsulates.size === 1
    );
  }

  /** A block page, or the way to one, in place of what was asked for; a page that tells of a failure is none. */
  #onReplaced(status: number): void {
    if (status >= 200 && status < 500)
      this.#judge({ kind: 'infected', finding: `something it does not name (${status})` });
    else this.#fail({ reason: `answers with a page of status ${status}`, answered: true });
  }

  /** All of the body came back: clean when nothing has been changed in it. Some servers begin before they have all of it. */
  #onEnd(): void {
    if (this.#over || this.#echo === undefined) return;
    const isWhole = this.#state === 'ended' && this.#echo.digest().equals(this.#sent.digest());
    if (isWhole) this.#judge({ kind: 'clean' });
    else this.#fail({ reason: 'it has changed the content', answered: true });
  }

  #judge(verdict: Verdict): void {
    this.#over = true;
    this.#verdict = verdict;
  }

  /** Once the parser has come to the end of what was there. */
  #conclude(verdict: Verdict): void {
    const dialogue = this.#dialogue as Dialogue;
    this.#verdict = undefined;
    if (verdict.kind === 'clean' && (this.#surplus || !this.#reply.between)) {
      this.#over = false;
      this.#fail({ reason: 'says more than one answer', answered: false });
      return;
    }
    dialogue.lift();
    // A connection is as new when both sides have said everything.
    const whole = this.#state !== 'streaming' && verdict.kind === 'clean';
    if (whole && !this.#closes) this.#line.keep(dialogue);
    else dialogue.destroy();
    this.#listener.onVerdict(verdict);
  }

  #fail(failure: ScanFailure): void {
    if (this.#over) return;
    this.abort();
    this.#listener.onFailure(failure);
  }
}
