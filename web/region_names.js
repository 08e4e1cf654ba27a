/**
 * Where AWS's regions are, for people; and the hue that stands for each.
 */

/** @type {Record<string, string>} */
const PLACES = {
  "af-south-1": "Cape Town",
  "ap-east-1": "Hong Kong",
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
 * Gives an element the hue of a region; hues are handed out in the order of asking.
 *
 * @template {HTMLElement | SVGElement} Kind
 * @param {Kind} element
 * @param {string} region
 * @returns {Kind}
 */
export function tint(element, region) {
  const hue = hues.get(region) ?? HUES[hues.size % HUES.length] ?? 0;
  hues.set(region, hue);
  element.style.setProperty("--hue", String(hue));
  element.classList.add("hued");
  return element;
}
