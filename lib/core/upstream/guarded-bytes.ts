import type { TunnelGuard } from '../context.ts';

/** The guards of one pair of sockets. */
export class GuardedBytes {
  readonly #guards: readonly TunnelGuard[];
  #cut = false;

  constructor(guards: readonly TunnelGuard[] | undefined) {
    this.#guards = guards ?? [];
  }

  get present(): boolean {
    return this.#guards.length > 0;
  }

  /** Some guard has said no. */
  get cut(): boolean {
    return this.#cut;
  }

  /**
   * Asks them before bytes are written.
   *
   * @param cut called, a moment later, when a guard says no: the pair may still be in the making
   * @returns tells whether the bytes may be written
   */
  watch(cut: () => void): (direction: 'received' | 'sent', bytes: number) => boolean {
    return (direction, bytes) => {
      this.#ask((guard) => guard.onBytes?.(direction, bytes), cut);
      return !this.#cut;
    };
  }

  /** Tells them the server name of the ClientHello. */
  name(name: string | undefined, cut: () => void): void {
    this.#ask((guard) => guard.onServerName?.(name), cut);
  }

  end(): void {
    for (const guard of this.#guards)
      try {
        guard.onEnd?.();
      } catch (error) {
        process.emitWarning(error as Error);
      }
  }

  #ask(question: (guard: TunnelGuard) => boolean | undefined, cut: () => void): void {
    if (this.#cut || this.#guards.every((guard) => isYes(guard, question))) return;
    this.#cut = true;
    process.nextTick(cut);
  }
}

/** Who cannot judge has not said yes; who has no opinion has. */
function isYes(guard: TunnelGuard, question: (guard: TunnelGuard) => boolean | undefined): boolean {
  try {
    return question(guard) !== false;
  } catch {
    return false;
  }
}
