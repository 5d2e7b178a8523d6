// Asking the gateway's API in the name of who is logged in.

/** What the gateway refused, by its status and code. */
export class Refusal extends Error {
  constructor(status, error) {
    super(error?.message ?? String(status));
    this.status = status;
    this.code = error?.code ?? "";
  }
}

/** Ask; answers the JSON, or null for none. Throws a Refusal, or TypeError where nobody answers. */
export async function call(method, path, body = undefined) {
  const headers = { "X-Parloir": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(new URL(`api/v1/${path}`, location.href), {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
  });
  const said = answer.headers.get("content-type")?.startsWith("application/json") ? await answer.json() : null;
  if (!answer.ok) throw new Refusal(answer.status, said?.error);
  return said;
}
