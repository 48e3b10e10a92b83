import { listLeftovers } from '../host/leftovers.ts';
import { signalStatus, SIGNALS } from './exit.ts';

/** A signal that aborts on the first Ctrl-C and its like; `release` gives the signals back. */
export interface StopSignal {
  readonly signal: AbortSignal;
  release(): void;
}

/** Aborts on the first Ctrl-C and its like; a second one ends the program where it stands. */
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
  const remains = listLeftovers();
  if (remains.length === 0) return 'nothing is left behind';
  return `left behind:\n${remains.map(({ what, remedy }) => `  ${what}: ${remedy}`).join('\n')}`;
}
