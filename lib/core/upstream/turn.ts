const writes: (() => void)[] = [];

function leave(): void {
  for (const write of writes.splice(0))
    try {
      write();
    } catch (error) {
      // One that fails must not keep the others back.
      process.emitWarning(error as Error);
    }
}

/**
 * Writes at the end of this turn of the event loop, together with what else is ready then. A busy proxy
 * handles dozens of events per turn, and each write on its own would wake the process it goes to; a
 * burst wakes it once. An idle one comes to the end of the turn at once.
 */
export function atEndOfTurn(write: () => void): void {
  if (writes.push(write) === 1) setImmediate(leave);
}
