// Before the first paint: the remembered theme and language, so that nothing flashes.
(() => {
  var root = document.documentElement;
  var kept = {};
  try {
    kept = JSON.parse(localStorage.getItem("lineshaft.preferences") || "{}");
  } catch {
    // Storage may be switched off: then the system's own choice holds.
  }
  var dark = matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = kept.theme || (dark ? "dark" : "light");
  root.lang = (kept.language || navigator.language || "en").toLowerCase().indexOf("zh") === 0 ? "zh-CN" : "en";
})();
