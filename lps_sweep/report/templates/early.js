"use strict";
// Before anything is shown: scripts run, and the theme that the reader chose.
document.documentElement.classList.add("js");
{
  let theme = new URLSearchParams(location.hash.slice(1)).get("theme");
  try { theme ??= localStorage.getItem("lps-sweep-theme"); } catch { /* storage may be closed */ }
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
}
