/**
 * Where AWS's regions are, for people; and the hue that stands for each.
 */

/** @type {Record<string, string>} */
const PLACES = {
  "af-south-1": "Cape Town",
  "ap-northeast-1": "Tokyo",
  "ap-northeast-2": "Seoul",
  "ap-south-1": "Mumbai",
  "ap-southeast-1": "Singapore",
  "ap-southeast-2": "Sydney",
  "ca-central-1": "Montreal",
  "eu-central-1": "Frankfurt",
  "eu-north-1": "Stockholm",
  "eu-south-1": "Milan",
  "eu-west-1": "Ireland",
  "eu-west-2": "London",
  "eu-west-3": "Paris",
  "me-south-1": "Bahrain",
  "sa-east-1": "São Paulo",
  "us-east-1": "Virginia",
  "us-east-2": "Ohio",
  "us-west-1": "California",
  "us-west-2": "Oregon",
};

/** @param {string} region */
export const placeOf = (region) => PLACES[region] ?? "";

/** @type {Map<string, number>} */
const hues = new Map();
const HUES = [172, 262, 28, 330, 205, 95];

/**
 * The hue of a region, handed out in the order of asking.
 *
 * @param {string} region
 */
export function hueOf(region) {
  const hue = hues.get(region) ?? HUES[hues.size % HUES.length] ?? 0;
  hues.set(region, hue);
  return hue;
}
