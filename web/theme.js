/**
 * Light or dark: as the system says, unless a choice was made here.
 *
 * The choice is kept in this browser; without storage it holds until a reload.
 */

import { byId } from "./element.js";

const KEPT_AS = "sorl.theme";

/** @param {() => void} changed hears when colours may be others */
export function setUpTheme(changed) {
  const choice = byId("theme", HTMLSelectElement);
  choice.value = kept();
  const show = () => {
    document.documentElement.dataset.theme = choice.value;
    changed();
  };
  choice.addEventListener("change", () => {
    keep(choice.value);
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  show();
}

function kept() {
  try {
    return localStorage.getItem(KEPT_AS) ?? "auto";
  } catch {
    return "auto";
  }
}

/** @param {string} theme */
function keep(theme) {
  try {
    localStorage.setItem(KEPT_AS, theme);
  } catch {
    // A browser that keeps nothing shows the choice all the same.
  }
}
