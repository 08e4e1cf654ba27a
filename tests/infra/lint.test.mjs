/** cfn-lint finds no error in any template, for the home region and another, with a secret and without. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, test } from "node:test";
import { promisify } from "node:util";

import { STACKS } from "../../infra/stacks.mjs";
import { packaged, workshop } from "./templates.mjs";

const run = promisify(execFile);
const CFN_LINT = process.env.SORL_CFN_LINT ?? "cfn-lint";
/** W3005: osls names dependencies that a GetAtt implies. W8003: what differs between regions is a literal. */
const EXPECTED = ["W3005", "W8003"];
const JWKS = '[auth]\nalgorithm = "EdDSA"\njwks = "https://id.example/jwks.json"\n';
const work = workshop();
after(work.close);

const ENTRANCE = {
  rollout: "Canary10Percent10Minutes",
  domain: "chat.example.com",
  zone: "Z0123456789ABCDEFGHIJ",
  certificates: ["us-east-1", "eu-north-1"].map((region) => `arn:aws:acm:${region}:123456789012:certificate/0-${region}`).join(";"),
};
const CASES = [
  ["the home region, with a secret, an entrance and gradual rollouts", "us-east-1", "", ENTRANCE],
  ["another region, with keys by a URL and a publishing account", "eu-north-1", `publishers = ["123456789012"]\n${JWKS}`],
];

for (const kind of Object.keys(STACKS)) {
  for (const [words, region, toml, params] of CASES) {
    test(`${kind} in ${words} is a sound template`, async () => {
      const { file } = await packaged(work, kind, region, { toml, params });
      const options = ["--regions", region, "--ignore-checks", ...EXPECTED, "--template", file];
      const { stdout } = await run(CFN_LINT, options).catch((fault) => fault);
      assert.equal(stdout, "");
    });
  }
}
