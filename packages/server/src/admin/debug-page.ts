// The state of the process as one plain HTML page, for a person who looks for a cause. Pure.

export interface DebugSection {
  readonly title: string;
  /** Name and value; what a value holds is shown as text. */
  readonly rows: readonly (readonly [string, string])[];
}

export function renderDebugPage(title: string, sections: readonly DebugSection[]): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>
  body { font: 14px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .2em 1em .2em 0; border-bottom: 1px solid #8884 }
  th { font-weight: normal; opacity: .7; width: 30% }
  td { font-family: ui-monospace, monospace; overflow-wrap: anywhere }
  :root { color-scheme: light dark }
</style>
<h1>${escapeHtml(title)}</h1>
${sections.map(renderSection).join("\n")}
</html>
`;
}

function renderSection({ title, rows }: DebugSection): string {
  const lines = rows.map(
    ([name, value]) =>
      `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return `<h2>${escapeHtml(title)}</h2>\n<table>\n${lines.join("\n")}\n</table>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
