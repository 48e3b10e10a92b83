import { environmentError, KexportError } from '../../errors.ts';
import { errorJson } from '../print/error.ts';
import { shownName } from '../../remote/open-remote.ts';
import { jsonText } from '../print/lines.ts';
import { print } from '../command-line/print.ts';
import { reportError } from '../command-line/report-error.ts';

/** The result of a command for a file. */
export interface Answer {
  readonly text: string;
  readonly status: number;
}

/** How answers are printed. */
export interface AnswerOptions {
  /** The status for a file that cannot be read, and for an answer that cannot be written. */
  readonly unreadable: number;
  /** Prints an error as JSON too. */
  readonly json?: boolean | undefined;
  /** Text between two answers. */
  readonly separator?: string;
}

/**
 * Prints an answer for each file, and continues after a file that cannot be read, which has the
 * status `unreadable`. Returns the highest status, and `unreadable` too if stdout cannot be written
 * to. Throws a KexportError if the user stops it.
 */
export async function answerEach(
  files: readonly string[],
  answer: (file: string) => Promise<Answer>,
  { unreadable, json = false, separator = '' }: AnswerOptions,
): Promise<number> {
  let highest = 0;
  for (const [index, file] of files.entries()) {
    const { text, status } = await answer(file).catch((error: unknown): Answer => {
      const known = error instanceof KexportError ? error : environmentError(error);
      if (!known || known.code === 'aborted') throw error;
      const status = reportError(known);
      const text = json ? jsonText({ file: shownName(file), error: errorJson(known) }) : '';
      return { text, status: known.code === 'usage' ? status : unreadable };
    });
    highest = Math.max(highest, status);
    if (text === '') continue;
    try {
      await print(index > 0 ? separator + text : text);
    } catch (error) {
      return Math.max(unreadable, reportError(error)); // nobody has the answer
    }
  }
  return highest;
}
