// What the stream says has changed, put into the view it was told of first (RFC 6902, `replace` only).

const named = (part) => part.replaceAll("~1", "/").replaceAll("~0", "~");

export function patched(view, operations) {
  const held = { view };
  for (const { path, value } of operations) {
    const parts = ["view", ...path.split("/").slice(1).map(named)], last = parts.pop();
    parts.reduce((part, name) => part[name], held)[last] = value;
  }
  return held.view;
}
