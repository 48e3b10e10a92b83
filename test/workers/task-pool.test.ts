import { expect, test } from 'vitest';
import { runIn } from '../support/peers.ts';
import { TOP } from '../support/project.ts';

test('a pool that is closed takes no task, which would start a thread that nobody ends', () => {
  const script = `
    const { taskPool } = await import('./dist/src/workers/task-pool.js');
    const pool = taskPool('hash', () => () => 0, undefined, 2);
    await pool.close();
    await pool.run({}).catch(({ message }) => console.log(message));
  `;
  const said = runIn(TOP, 'timeout', '60', 'node', '--input-type=module', '-e', script);
  expect(said).toBe('the workers are stopped\n');
});
