// Renders docs/reference/configuration.md from the table of settings. Pure.

import { environmentNameOf, flagOf, type SettingName, settingNames, settings } from "./settings.ts";

export function renderReference(): string {
  return [opening, "## Settings", "", ...settingNames.flatMap(section), closing].join("\n");
}

const opening = `# Configuration

<!-- Made from packages/server/src/config/settings.ts by: npm test -- --rewrite reference -->

\`sampan up\` and \`sampan serve registry\` run without any configuration. What you change can be
set in three places; the later one wins:

1. a YAML file, named by \`--config FILE\` or \`SAMPAN_CONFIG\`;
2. the environment, \`SAMPAN_…\`; an empty variable counts as not set;
3. flags.

The names follow one rule: \`adminListen\` in the file is \`SAMPAN_ADMIN_LISTEN\` in the environment
and \`--admin-listen\` as a flag. An unknown name in the file or among the flags, a variable that
looks like a misspelt one, and a value that is not allowed stop the start. Each is told with its
place (file and line, variable, flag), what is allowed, and what was probably meant. Relative paths
start at the directory in which the command runs.

\`\`\`yaml
data: /var/lib/sampan
listen: 0.0.0.0:8080
externalUrl: https://registry.example.com
logFormat: json
\`\`\`
`;

const closing = `## How values are written

- **duration**: a number with unit, \`500ms\`, \`30s\`, \`15m\`, \`24h\`, \`7d\`. \`1.5h\` is
  allowed, a bare number is not.
- **size**: a number with unit, \`B\`, \`KiB\`, \`MiB\`, \`GiB\`, \`TiB\` (powers of 1024) or
  \`KB\`, \`MB\`, \`GB\`, \`TB\` (powers of 1000).
- **address**: \`HOST:PORT\`; IPv6 in brackets, \`[::1]:8080\`. \`:8080\` is every address of the
  machine; port 0 takes a free one.
- **networks**: \`ADDRESS/BITS\` (CIDR) or a single address, with commas between:
  \`10.0.0.0/8, fd00::/8\`; \`none\` is an empty list.
- **boolean**: \`true\` or \`false\`; a flag without value is \`true\`.
`;

function section(name: SettingName): string[] {
  const { absent, default: fallback, description, kind } = settings[name];
  const flag = settings[name].flag
    ? `flag \`${flagOf(name)}\``
    : "no flag, because command lines are public";
  return [
    `### \`${name}\``,
    "",
    description,
    "",
    `- ${kind.name}: ${kind.allowed}`,
    `- default: ${fallback === null ? absent : `\`${fallback}\``}`,
    `- environment \`${environmentNameOf(name)}\`, ${flag}`,
    "",
  ];
}
