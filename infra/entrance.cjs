/**
 * What a region's entrance is called, and which certificate it shows out of those that were given. CommonJS, as osls reads
 * it.
 *
 * Not the resources (entrance.yml). The invariant: a domain that lacks something is refused before anything is deployed.
 */
"use strict";

const DOMAIN = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;
const CERTIFICATE = /^arn:aws[a-z-]*:acm:([a-z0-9-]+):\d{12}:certificate\/[\w-]+$/;

/** The ARN of the region's certificate; of none, in its form, where nothing will ask for it. */
function certificateOf({ domain, zone, certificates }, region) {
  if (!domain) return `arn:aws:acm:${region}:000000000000:certificate/none`;
  const given = certificates.split(";").filter(Boolean);
  const own = given.find((arn) => CERTIFICATE.exec(arn)?.[1] === region);
  const faults = [];
  if (!DOMAIN.test(domain)) faults.push(`domain ${domain}: a name such as chat.example.com`);
  if (!/^Z[A-Z0-9]+$/.test(zone)) faults.push("zone: the id of the domain's hosted zone in Route 53 (Z…)");
  for (const arn of given.filter((text) => !CERTIFICATE.test(text))) faults.push(`certificates: ${arn} is no certificate's ARN`);
  if (!own) faults.push(`certificates: none of ${region}; ask ACM there for one of ${domain} and *.${domain}`);
  if (faults.length > 0) throw new Error(faults.join("; "));
  return own;
}

/** Where clients of the region connect; the API's id, and what else differs by region, is CloudFormation's to fill in. */
function addressOf({ domain }, stage, region) {
  return domain ? `wss://${region}.${domain}` : `wss://\${WebsocketsApi}.execute-api.\${AWS::Region}.\${AWS::URLSuffix}/${stage}`;
}

module.exports = { addressOf, certificateOf };
