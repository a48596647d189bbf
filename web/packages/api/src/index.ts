// The platform's API as the apps use it: typed by the OpenAPI document, same origin only.

import createClient, { type Middleware } from "openapi-fetch";

import type { paths, ProblemView } from "./schema.ts";

export type * from "./schema.ts";

/** An answer from 400 on, or none at all. */
export class Problem extends Error {
  /** The stable code: the last part of `type`; `offline` where no answer came. */
  readonly code: string;
  readonly view: ProblemView | null;

  constructor(view: ProblemView | null) {
    const code = view?.type.split(":").at(-1) ?? "offline";
    super(code);
    this.name = "Problem";
    this.code = code;
    this.view = view;
  }

  /** The server could not be reached, or could not answer now: trying again may help. */
  get temporary(): boolean {
    return this.view === null || this.view.status >= 500;
  }
}

/** The server takes an unsafe request with a session only as JSON, also without a body. */
const asJson: Middleware = {
  onRequest({ request }) {
    if (request.method === "GET" || request.headers.has("content-type")) return undefined;
    const headers = new Headers(request.headers);
    headers.set("content-type", "application/json");
    return new Request(request, { headers });
  },
};

export function client(timeoutMs = 10_000) {
  const fetching = async (request: Request): Promise<Response> => {
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      return await fetch(new Request(request, { signal }));
    } catch {
      throw new Problem(null);
    }
  };
  const made = createClient<paths>({
    baseUrl: location.origin,
    credentials: "same-origin",
    fetch: fetching,
  });
  made.use(asJson);
  return made;
}

interface Fetched<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of an answer, or its problem thrown. */
export async function answered<T>(fetched: Promise<Fetched<T>>): Promise<T> {
  const { data, error, response } = await fetched;
  if (response.ok) return data as T;
  throw new Problem(isProblem(error) ? error : null);
}

function isProblem(value: unknown): value is ProblemView {
  return typeof value === "object" && value !== null && "type" in value && "title_en" in value;
}
