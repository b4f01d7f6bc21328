// Words of the pages in both languages, and which of the two is shown.

const TEXTS = {
  en: {
    interface: "API", other_language: "中文", sign_in: "Sign in", sign_out: "Sign out", name: "Name",
    password: "Password", old_password: "Present password", new_password: "New password", again: "The same again",
    change_password: "Change password", back: "Back", begin: "Set password and begin", welcome: "Welcome",
    invitation_help: "This link signs you in once. Choose the name and the password that you will sign in with from now on.",
    password_rule: "At least 12 characters; several words are easy to remember.",
    not_same: "The two passwords differ.", password_changed: "The password was changed.",
    tag: "Tag", value: "Value", unit: "Unit", quality: "Quality", age: "Age", description: "Description",
    filter: "Show tags with", count: "{shown} of {total} tags", no_tags: "No tags yet. `lineshaft device add` brings some.",
    connecting: "Connecting …", live: "Live. Data from {time}.",
    stale: "No new values: the server has lost its bus. Data from {time}.",
    lost: "Connection lost, trying again. Data from {time}.", never: "—", yes: "true", no: "false",
    unreachable: "The server does not answer.", session_over: "The session has ended. Sign in again.",
    forbidden: "You may not see live values. An administrator can give you the role of viewer.",
    passkey: "Sign in with a passkey", add_passkey: "Add a passkey", passkey_added: "The passkey was added.",
    passkey_cancelled: "No passkey was used.", oidc: "Sign in by {name}", emergency_code: "Emergency code", code: "Code",
    emergency_help: "The sealed code is good once. It signs you in as administrator for a limited time, and raises an alarm.",
    refused: "Sign-in was refused ({code}).",
    loading: "Loading …", needs: "needs", public: "public", parameters: "Parameters", body: "Body", answer: "Answer",
  },
  zh: {
    interface: "API 接口", other_language: "English", sign_in: "登录", sign_out: "退出", name: "用户名",
    password: "密码", old_password: "当前密码", new_password: "新密码", again: "再次输入",
    change_password: "修改密码", back: "返回", begin: "设置密码并开始", welcome: "欢迎",
    invitation_help: "此链接只能登录一次。请设置以后登录用的用户名和密码。",
    password_rule: "至少 12 个字符；用几个词组合便于记忆。",
    not_same: "两次输入的密码不一致。", password_changed: "密码已修改。",
    tag: "测点", value: "值", unit: "单位", quality: "质量", age: "时龄", description: "说明",
    filter: "筛选测点", count: "显示 {shown} 个，共 {total} 个测点", no_tags: "尚无测点。可用 lineshaft device add 添加。",
    connecting: "正在连接…", live: "实时。数据时间 {time}。",
    stale: "没有新值：服务器与总线断开。数据时间 {time}。",
    lost: "连接已断开，正在重试。数据时间 {time}。", never: "—", yes: "真", no: "假",
    unreachable: "服务器没有应答。", session_over: "会话已结束，请重新登录。",
    forbidden: "您无权查看实时值。管理员可授予“查看者”角色。",
    passkey: "使用通行密钥登录", add_passkey: "添加通行密钥", passkey_added: "已添加通行密钥。",
    passkey_cancelled: "未使用通行密钥。", oidc: "通过 {name} 登录", emergency_code: "应急码", code: "应急码",
    emergency_help: "密封的应急码只能用一次。它让您在有限时间内以管理员身份登录，并发出警报。",
    refused: "登录被拒绝（{code}）。",
    loading: "正在加载…", needs: "需要", public: "公开", parameters: "参数", body: "请求体", answer: "应答",
  },
};

export let language = remembered() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

function remembered() {
  try {
    const kept = localStorage.getItem("language");
    return kept in TEXTS ? kept : null;
  } catch {
    return null; // storage may be switched off
  }
}

export function text(key, facts = {}) {
  return TEXTS[language][key].replace(/\{(\w+)\}/g, (_, name) => facts[name]);
}

export function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  const button = document.getElementById("language");
  button.textContent = text("other_language");
  button.lang = language === "zh" ? "en" : "zh";
}

export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  try { localStorage.setItem("language", language); } catch { /* then it holds for this page only */ }
  translate();
}
