// Calls of the service. What goes wrong is a Problem that says what to do, whether the service or the network said it.

import { keyHeaders } from "./key.js";

export class Problem extends Error {
  constructor(body, status, retryAfter) {
    super(body.title);
    Object.assign(this, { body, status, retryAfter });
  }
}

const OFFLINE = {
  title: "The service does not answer",
  code: "offline",
  detail: "It may be restarting, or this computer may be offline.",
  what_to_do: "This page tries again by itself.",
};

// -> {data, stages: [{name, ms}], ms}; ms is what the person waited for. Throws Problem, and AbortError where aborted.
export async function call(path, { body, signal } = {}) {
  const headers = { Accept: "application/json", ...keyHeaders() };
  if (body) headers["Content-Type"] = "application/json";
  const started = performance.now();
  const response = await reach(path, {
    method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal, cache: "no-store",
  });
  const data = await response.json().catch((error) => {
    if (error.name === "AbortError") throw error;
    return null;
  });
  if (!response.ok || data === null) throw problemOf(response, data);
  return { data, stages: stagesOf(response), ms: performance.now() - started };
}

export const search = (query, signal) => call(`/items?${new URLSearchParams({ query, limit: 8 })}`, { signal });
export const values = (query, signal) =>
  call(`/catalogue/values?${new URLSearchParams({ query, limit: 6 })}`, { signal });
export const catalogue = () => call("/catalogue");
export const bundles = () => call("/admin/bundles");
export const bundlePath = (id) => `/admin/bundles/${encodeURIComponent(id)}/recommend`;
export const item = (id) => call(`/items/${id.split("/").map(encodeURIComponent).join("/")}`);

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(OFFLINE, 0, 3);
  }
}

function problemOf(response, data) {
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  const unforeseen = { title: "The answer could not be read", detail: `Status ${response.status}.`, what_to_do: "" };
  return new Problem(data?.title ? data : unforeseen, response.status, retryAfter);
}

function stagesOf(response) {
  const entries = (response.headers.get("Server-Timing") ?? "").split(", ").filter(Boolean);
  return entries.map((entry) => {
    const [name, duration] = entry.split(";dur=");
    return { name, ms: Number(duration) };
  });
}
