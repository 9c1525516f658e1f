import './style.css';
import { Card, shortStatus } from './card.ts';
import { Clipboard } from './clipboard.ts';
import { button, byId } from './dom.ts';
import { bindFullScreen } from './fullscreen.ts';
import { Login } from './login.ts';
import { applySettings } from './picture.ts';
import { Session, type Status } from './session.ts';
import { loadSettings } from './settings.ts';
import { findTarget } from './target.ts';
import { Toolbar, bindSettings } from './toolbar.ts';
import { TouchKeys } from './touchkeys.ts';

const settings = loadSettings();
const screen = byId('screen', HTMLElement);

const target = findTarget();
const session = new Session(screen, target, {
  onStatus: showStatus,
  onBegin(rfb, channel) {
    rfb.background = 'transparent';
    rfb.focusOnClick = !touchKeys.open;
    applySettings(rfb, channel, settings);
    showSettings();
  },
  onName: showName,
  onClipboard: (text) => clipboard.fromServer(text),
  onClipping(clipped) {
    button('move-button').hidden = !clipped;
    if (!clipped) move(false);
  },
});
const card = new Card(session, target);
const login = new Login(session);
const toolbar = new Toolbar(screen);
const clipboard = new Clipboard(session, byId('clipboard', HTMLTextAreaElement), screen);
const touchKeys = new TouchKeys(
  session,
  byId('keys', HTMLElement),
  byId('keys-field', HTMLTextAreaElement),
  showKeys,
);

function showStatus(status: Status): void {
  const text = shortStatus(status);
  document.body.dataset['state'] = status.state;
  byId('status', HTMLElement).textContent = text;
  button('handle').title = `${text}. Toolbar: Ctrl+Alt+Shift`;
  card.show(status);
  if (status.state === 'password') login.ask(status.username, status.rejected);
  else login.close();
  if (status.state === 'connected') onConnected();
}

function onConnected(): void {
  clipboard.reset();
  void clipboard.sync();
  toolbar.leave();
  const active = document.activeElement;
  if (active === null || active === document.body) session.rfb?.focus();
}

function showName(name: string): void {
  document.title = name === '' ? 'Porthole' : name;
  byId('name', HTMLElement).textContent = document.title;
}

function showSettings(): void {
  const mayOnlyLook = session.channel?.viewOnly === true;
  const viewOnly = settings.viewOnly || mayOnlyLook;
  const box = byId('view-only', HTMLInputElement);
  box.checked = viewOnly;
  box.disabled = mayOnlyLook;
  document.body.dataset['viewOnly'] = String(viewOnly);
  if (viewOnly && touchKeys.open) touchKeys.close();
}

/* The keyboard stays while the picture is tapped. */
function showKeys(open: boolean): void {
  button('keys-button').ariaPressed = String(open);
  if (session.rfb !== null) session.rfb.focusOnClick = !open;
  if (open) toolbar.show(false);
}

function move(on: boolean): void {
  button('move-button').ariaPressed = String(on);
  if (session.rfb !== null) session.rfb.dragViewport = on;
}

bindSettings(settings, () => {
  showSettings();
  const { rfb, channel } = session;
  if (rfb !== null && channel !== null) applySettings(rfb, channel, settings);
});
bindFullScreen(button('full-button'));
button('cad-button').addEventListener('click', () => {
  session.rfb?.sendCtrlAltDel();
  session.rfb?.focus();
});
button('keys-button').addEventListener('click', () => touchKeys.toggle());
button('keys-close').addEventListener('click', () => touchKeys.close());
button('move-button').addEventListener('click', () => {
  move(session.rfb?.dragViewport !== true);
});
button('disconnect-button').addEventListener('click', () => session.disconnect());
button('clipboard-read').addEventListener('click', () => void clipboard.read());

showSettings();
session.connect();
