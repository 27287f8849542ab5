// Headers that a hostile registry may answer with: each is read or left alone, in little time.

import assert from "node:assert/strict";
import { fuzz, mutateText, pick, randomText } from "../testing/fuzz.ts";
import { parseChallenges, parseNextLink, parseRetryAfter } from "./challenge.ts";

const rounds = 10_000;

fuzz({ name: "a challenge is read or ends the list", rounds }, (random) => {
  const sound = 'Bearer realm="https://r.test/token",service="r",scope="a:b:pull", Basic realm="x"';
  const header = random.int(3) === 0 ? randomText(random, 400) : mutateText(random, sound);
  for (const { scheme, parameters } of parseChallenges(header)) {
    assert.match(scheme, /^[^\s",=]+$/);
    for (const name of parameters.keys()) assert.match(name, /^[^\s",=]+$/);
  }
});

fuzz({ name: "a next page is one of the header's targets", rounds }, (random) => {
  const sound = '</v2/a/tags/list?n=1&last=v1>; rel="next", </x>; rel=prev';
  const header = mutateText(random, sound);
  const next = parseNextLink(header);
  if (next !== null) assert.ok(header.includes(`<${next}>`));
});

fuzz({ name: "what repeats itself takes no longer than it is long", rounds: 200 }, (random) => {
  const piece = pick(random, ["<", '"', "\\", ",", "Basic ", 'a="', "<>;", ' rel="next"', "= "]);
  const header = piece.repeat(8_000 / piece.length) + mutateText(random, piece);
  parseChallenges(header);
  parseNextLink(header);
});

fuzz({ name: "a Retry-After is a wait or nothing", rounds }, (random) => {
  const date = "Wed, 25 Nov 2026 03:00:00 GMT";
  const header = mutateText(random, pick(random, ["120", date, "-1", "1e9"]));
  const waitMs = parseRetryAfter(header, mutateText(random, date));
  if (waitMs !== null) assert.ok(waitMs >= 0 && Number.isFinite(waitMs));
});
