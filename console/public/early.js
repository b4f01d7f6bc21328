// Before the first paint: the remembered theme and language, so that nothing flashes.
(() => {
  var root = document.documentElement;
  var kept = {};
  try {
    kept = JSON.parse(localStorage.getItem("lineshaft.preferences") || "{}");
  } catch {
    // Storage may be switched off: then the system's own choice holds.
  }
  var asked = (media) => matchMedia(media).matches;
  var own = asked("(prefers-contrast: more)") ? "contrast" : asked("(prefers-color-scheme: dark)") ? "dark" : "light";
  root.dataset.theme = kept.theme || own;
  root.lang = (kept.language || navigator.language || "en").toLowerCase().indexOf("zh") === 0 ? "zh-CN" : "en";
})();
