// From what the page holds to the body of POST /recommend, and to the command that sends the same.

import { key } from "./key.js";

export function bodyOf(state) {
  const body = {};
  if (state.history.length) {
    body.history = state.history.map(({ item_id, title }) => (item_id ? { item_id } : { title }));
  }
  if (state.sentence.trim()) {
    body.constraint = state.sentence;
    if (state.mode !== "strict") body.constraint_mode = state.mode;
    if (state.parts.length) body.constraint_parts = state.parts;
  }
  return { ...body, k: state.k, explain: true };
}

export function withoutSentence(body) {
  const { constraint, constraint_mode, constraint_parts, ...rest } = body;
  return rest;
}

// The key itself is never shown: the command takes it from the environment.
export function curlOf(body, path = "/recommend") {
  const lines = [`curl ${location.origin}${path}`];
  if (key()) lines.push(`  -H "Authorization: Bearer $LASER_API_KEY"`);
  const fields = Object.entries(body).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  lines.push("  -H 'Content-Type: application/json'", `  -d ${quoted(`{${fields.join(",\n       ")}}`)}`);
  return lines.join(" \\\n");
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
