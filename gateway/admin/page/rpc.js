// The gateway's JSON-RPC. Name and password are in this variable and nowhere else: no cookie, no
// storage. So a browser cannot be made to use them by another site, and they end with the page.

let authorization = "";
let count = 0;

const PATIENCE_MS = 6000;

// What may go wrong, each with a line that says what to do.
export class NoAnswer extends Error {}
export class NotLetIn extends Error {}
export class Refused extends Error {}

export function use(name, password) {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

export function forget() {
  authorization = "";
}

export async function call(method, params = {}) {
  count += 1;
  let response;
  let text;
  try {
    response = await fetch("/api/", {
      method: "POST",
      headers: { Authorization: authorization, "Content-Type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: count, method, params }),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    text = await response.text();
  } catch {
    throw new NoAnswer("The gateway does not answer");
  }
  if (response.status === 401) {
    throw new NotLetIn("Wrong name or password. After five wrong ones each takes four seconds.");
  }
  if (response.status === 429) {
    throw new NoAnswer("Too many wrong passwords came from here or for this name; it is taken later");
  }
  if (response.status === 503) {
    throw new NoAnswer("The gateway cannot let administrators in: its store is away, or there are too many");
  }
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new NoAnswer(`Something else than the gateway answered (status ${response.status})`);
  }
  if (answer.error) {
    const said = String(answer.error.message).replace(/^Error code \d+: /, "");
    throw new Refused(`${said} (error ${answer.error.code})`);
  }
  return answer.result;
}
