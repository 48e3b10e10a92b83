import { type Leftover, listLeftovers } from '../../host/leftovers.ts';
import { printable } from '../print/printable.ts';
import { isSignal, SIGNALS } from './report-error.ts';

/**
 * Runs work whose signal the first Ctrl-C, SIGTERM or SIGHUP aborts; a second one ends the program
 * at once.
 */
export async function abortOnSignals<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      process.stderr.write(`kexport: stopped at once; ${describeLeftovers(listLeftovers())}\n`);
      dieOf(name);
    } else controller.abort(name);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}

/**
 * Lets the program end with its own status although a signal comes, once its images have their
 * names: they stay, so a status of 130 would be wrong. If the end takes long, as when nobody reads
 * stdout, or at a second signal, the program ends by the signal.
 */
export function ignoreFirstSignal(): void {
  for (const name of SIGNALS) {
    process.once(name, () => {
      endSoon(name);
      for (const second of SIGNALS) process.removeAllListeners(second);
    });
  }
}

/**
 * Ends the process by a signal, as if it had not been caught. `process.exit` would wait for a
 * thread in a read or a write that never returns, as of a hung NFS server or a FIFO.
 */
function dieOf(name: NodeJS.Signals): void {
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}

/** How long a program that a signal has ended may take to close what is open, in milliseconds. */
const PATIENCE = 1000;

/** Sees to it that the program ends, once its work was aborted by a signal: a read may hang. */
export function endSoon(signal: unknown): void {
  if (isSignal(signal)) setTimeout(() => dieOf(signal), PATIENCE).unref();
}

/** Names what is left behind, each with its remedy. */
export function describeLeftovers(leftovers: readonly Leftover[]): string {
  if (leftovers.length === 0) return 'nothing is left behind';
  const lines = leftovers.map(({ what, remedy }) => `  ${printable(`${what}: ${remedy}`)}`);
  return `left behind:\n${lines.join('\n')}`;
}
