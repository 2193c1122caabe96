/** What the answers say beyond their bodies: where a list goes on, and why a request was refused. */
import { type Problem, ProblemFromJSON } from "./models/Problem.js";
import { type ApiResponse, ResponseError } from "./runtime.js";

const NEXT = /<([^>]*)>\s*;\s*rel="?next"?/;

/** Gives the cursor of the next page (RFC 8288); undefined: this is the last one. */
export function nextCursor(response: Response): string | undefined {
  const address = NEXT.exec(response.headers.get("Link") ?? "")?.[1];
  return (address && new URL(address, response.url).searchParams.get("cursor")) || undefined;
}

/**
 * Goes through a list to its end.
 *
 * @param page reads a page: (cursor) => teams.listTeamsRaw({ cursor, limit: 100 })
 */
export async function* every<T>(page: (cursor?: string) => Promise<ApiResponse<T[]>>): AsyncGenerator<T> {
  let cursor: string | undefined;
  do {
    const answer = await page(cursor);
    yield* await answer.value();
    cursor = nextCursor(answer.raw);
  } while (cursor);
}

/** Gives the challenge of a refusal (RFC 9110 §11.6.1), under its own name or the one that API Gateway gives it. */
export function challengeOf(response: Response): string | undefined {
  const { headers } = response;
  return headers.get("WWW-Authenticate") ?? headers.get("X-Amzn-Remapped-WWW-Authenticate") ?? undefined;
}

/** Gives the problem (RFC 9457) that a generated API threw; undefined: the error is another one. */
export async function problemOf(error: unknown): Promise<Problem | undefined> {
  const response = error instanceof ResponseError ? error.response : undefined;
  const isProblem = response?.headers.get("Content-Type")?.startsWith("application/problem+json");
  return isProblem ? ProblemFromJSON(await response?.clone().json()) : undefined;
}
