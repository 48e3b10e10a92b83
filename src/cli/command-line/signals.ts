import { listLeftovers } from '../../host/leftovers.ts';
import { signalStatus, SIGNALS } from './report-error.ts';

/** An abort signal of Ctrl-C, SIGTERM and SIGHUP. */
export interface StopSignal {
  readonly signal: AbortSignal;
  /** Stops to listen: a signal then ends the program as usual. */
  release(): void;
}

/** Aborts at the first Ctrl-C, SIGTERM or SIGHUP; a second one ends the program at once. */
export function abortOnSignals(): StopSignal {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      process.stderr.write(`kexport: stopped at once; ${describeLeftovers()}\n`);
      process.exit(signalStatus(name));
    }
    controller.abort(name);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}

function describeLeftovers(): string {
  const leftovers = listLeftovers();
  if (leftovers.length === 0) return 'nothing is left behind';
  return `left behind:\n${leftovers.map(({ what, remedy }) => `  ${what}: ${remedy}`).join('\n')}`;
}
