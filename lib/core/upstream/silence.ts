import type { Server } from './server.ts';

/** Requests without any answer before a server is suspected. */
const leastUnanswered = 3;
/** A shorter silence is a pause of its garbage collection. */
const shortest = 50;
/** How many times the pool's typical time to answer. */
const patience = 10;

/**
 * Notices a server that accepts and never answers (stopped, deadlocked, its disk gone) long before the
 * headers timeout does: it has at least three requests and has answered none of them for ten times
 * what the pool usually takes, while others did answer.
 *
 * Being silent is no ejection. The server just gets nothing new while another can take it, and its next
 * answer ends it; so a mistake, such as three long polls on one server, costs nothing.
 */
export class Silence {
  #typical = 0;
  #lastAnswer = -Infinity;

  /** A request has been handed to the server. */
  asked(server: Server, now: number): void {
    if (server.evidence.unanswered++ === 0) server.evidence.unansweredSince = now;
  }

  /** It has answered; so the silence, if there was one, is over. */
  answered(server: Server, milliseconds: number, now: number): void {
    server.evidence.unanswered = 0;
    this.#lastAnswer = now;
    this.#typical += (milliseconds - this.#typical) * 0.02;
  }

  /** A server without requests cannot be silent. */
  idle(server: Server): void {
    server.evidence.unanswered = 0;
  }

  suspects(server: Server, now: number): boolean {
    const { unanswered, unansweredSince } = server.evidence;
    return (
      unanswered >= leastUnanswered &&
      this.#lastAnswer > unansweredSince &&
      now - unansweredSince > Math.max(shortest, patience * this.#typical)
    );
  }

  /** Cheap test for the hot path: whether it is worth asking for the time. */
  mightSuspect(server: Server): boolean {
    return server.evidence.unanswered >= leastUnanswered;
  }
}
