// Asks passkeys: to sign in, to register one, to sign an approval. Everything else on these pages works without a script.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const listed = (credentials) => (credentials || []).map((one) => ({ ...one, id: bytes(one.id) }));

// What somebody reads when the browser or the authenticator says no.
const REFUSALS = {
  NotAllowedError: "Nothing was signed: you cancelled it, it took too long, or this device has no passkey for this desk.",
  InvalidStateError: "This device has a passkey for you already.",
  SecurityError: "The browser lets no passkey speak on this address. Open the desk at the address that it was set up for.",
};

async function send(address, body, headers) {
  const answer = await fetch(address, { method: "POST", body, headers: { Accept: "application/json", ...headers } });
  const said = await answer.json().catch(() => ({ what: "The desk does not answer.", next: "Reload the page, and try again." }));
  if (!answer.ok) throw Object.assign(new Error(`${said.what} ${said.next}`), { refused: answer.status < 500 });
  return said;
}

const sendJson = (address, said, headers) => send(address, JSON.stringify(said), { "Content-Type": "application/json", ...headers });

async function asked(options) {
  const answer = await navigator.credentials.get({
    publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: listed(options.allowCredentials) },
  });
  const { clientDataJSON, authenticatorData, signature } = answer.response;
  const response = { clientDataJSON: text(clientDataJSON), authenticatorData: text(authenticatorData), signature: text(signature) };
  return { id: answer.id, rawId: text(answer.rawId), type: answer.type, response };
}

async function made(options) {
  const user = { ...options.user, id: bytes(options.user.id) };
  const publicKey = { ...options, user, challenge: bytes(options.challenge), excludeCredentials: listed(options.excludeCredentials) };
  const answer = await navigator.credentials.create({ publicKey });
  const { clientDataJSON, attestationObject } = answer.response;
  const response = { clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject) };
  return { id: answer.id, rawId: text(answer.rawId), type: answer.type, response };
}

async function signIn(form) {
  const { challenge_id, options } = await sendJson("/sign-in/begin", {});
  const next = encodeURIComponent(form.dataset.next);
  const { location } = await sendJson(`/sign-in/finish?next=${next}`, { challenge_id, credential: await asked(options) });
  window.location.assign(location);
  return "Signed in.";
}

async function enrol() {
  const token = window.location.hash.slice(1);
  const { challenge_id, options } = await sendJson("/enrol/begin", { token });
  const { person, counts, entry, location } = await sendJson("/enrol/finish", { token, challenge_id, credential: await made(options) });
  if (counts) {
    window.location.assign(location);
    return `The passkey of ${person} is registered. Sign in with it.`;
  }
  const section = document.querySelector("[data-entry]");
  section.querySelector("code").textContent = entry;
  section.hidden = false;
  return `The passkey of ${person} is recorded.`;
}

async function sign(form, button) {
  const fields = new URLSearchParams(new FormData(form));
  fields.set("decision", button.value);
  const { ceremony, options, key } = await send(form.action, fields);
  const headers = { "X-Desk-CSRF": fields.get("csrf") };
  const credential = await asked(options);
  let done;
  try {
    done = await sendJson(`/signing/${ceremony}`, { credential }, headers);
  } catch (error) {
    // It may have been recorded all the same, or will be: a key that nobody was shown would be lost.
    if (!key || error.refused) throw error;
    done = { message: `${error.message} Look at this page again before you hand the key on.` };
  }
  if (key) showKey(form, key, done.message);
  else show(done.location);
  return done.message;
}

// A page that differs from this one by the part that is named alone would not be loaded anew.
function show(location) {
  const to = new URL(location, window.location.href);
  const here = to.pathname === window.location.pathname && to.hash;
  window.location.assign(to);
  if (here) window.location.reload();
}

// The key of an application, once: it is in no page, and gone when this one is left.
function showKey(form, key, told) {
  const part = form.parentElement.querySelector("[data-key]");
  part.querySelector("[data-told]").textContent = told;
  part.querySelector("pre code").textContent = key;
  const copy = part.querySelector("[data-copy]");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(key);
    copy.textContent = "Copied";
  });
  form.hidden = true;
  part.hidden = false;
  part.focus();
}

const trades = { "sign-in": signIn, enrol };

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const trade = form.matches("[data-sign]") ? sign : trades[form.dataset.passkey];
  if (!trade) return;
  event.preventDefault();
  const status = form.querySelector("[role=status]");
  const buttons = form.querySelectorAll("button");
  buttons.forEach((button) => { button.disabled = true; });
  status.classList.remove("failed");
  status.textContent = "Your device is asked now…";
  try {
    status.textContent = await trade(form, event.submitter);
  } catch (error) {
    status.classList.add("failed");
    status.textContent = REFUSALS[error.name] || error.message;
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
  }
});
