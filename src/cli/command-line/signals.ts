import { listLeftovers } from '../../host/leftovers.ts';
import { signalStatus, SIGNALS } from './report-error.ts';

/**
 * Runs work whose signal the first Ctrl-C, SIGTERM or SIGHUP aborts; a second one ends the program
 * at once.
 */
export async function abortOnSignals<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      process.stderr.write(`kexport: stopped at once; ${describeLeftovers()}\n`);
      process.exit(signalStatus(name));
    }
    controller.abort(name);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}

function describeLeftovers(): string {
  const leftovers = listLeftovers();
  if (leftovers.length === 0) return 'nothing is left behind';
  return `left behind:\n${leftovers.map(({ what, remedy }) => `  ${what}: ${remedy}`).join('\n')}`;
}
