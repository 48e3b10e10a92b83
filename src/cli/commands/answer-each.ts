import { KexportError } from '../../errors.ts';
import { errorJson } from '../print/error.ts';
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
  /** The status for a file that cannot be read. */
  readonly unreadable: number;
  /** Prints an error as JSON too. */
  readonly json?: boolean | undefined;
  /** Text between two answers. */
  readonly separator?: string;
}

/**
 * Prints an answer for each file, and continues after a file that cannot be read, which has the
 * status `unreadable`. Returns the highest status. Throws a KexportError if the user stops it, or
 * if stdout cannot be written to.
 */
export async function answerEach(
  files: readonly string[],
  answer: (file: string) => Promise<Answer>,
  { unreadable, json = false, separator = '' }: AnswerOptions,
): Promise<number> {
  let highest = 0;
  for (const [index, file] of files.entries()) {
    const { text, status } = await answer(file).catch((error: unknown): Answer => {
      if (!(error instanceof KexportError) || error.code === 'aborted') throw error;
      const status = reportError(error);
      const text = json ? jsonText({ file, error: errorJson(error) }) : '';
      return { text, status: error.code === 'usage' ? status : unreadable };
    });
    if (text !== '') await print(index > 0 ? separator + text : text);
    highest = Math.max(highest, status);
  }
  return highest;
}
