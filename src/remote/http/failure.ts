/** Statuses of a server that is busy or broken, not of a wrong request. */
export const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504]);

/** What a service says about a request that it refused. */
export interface Explanation {
  /** The service's own code, such as `NoSuchBucket`. */
  readonly code?: string | undefined;
  /** Its message. */
  readonly message?: string | undefined;
  /** Whether the same request may succeed later. Default: by the HTTP status. */
  readonly isTransient?: boolean | undefined;
  /** What helps. */
  readonly hint?: string | undefined;
}

/** Why a request failed. It is the cause of the KexportError that `HttpClient.send` throws. */
export class HttpFailure extends Error {
  /** HTTP status; undefined if there was no answer. */
  readonly status: number | undefined;
  /** The service's own code. */
  readonly serviceCode: string | undefined;
  /** Header fields of the answer, in lower case, without secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** What helps. */
  readonly hint: string | undefined;

  constructor(message: string, { status, code, headers, hint, cause }: FailureDetails = {}) {
    super(message, { cause });
    this.name = 'HttpFailure';
    this.status = status;
    this.serviceCode = code;
    this.headers = headers ?? {};
    this.hint = hint;
  }
}

interface FailureDetails {
  readonly status?: number;
  readonly code?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** The failure that caused an error of `HttpClient.send`; undefined for any other error. */
export function failureOf(error: unknown): HttpFailure | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof HttpFailure ? cause : undefined;
}
