// The keyboard's focus is never lost: where what has it goes away, moves or cannot be used any more, it goes to what is left nearest around it.
let path = []; // what has the focus, and all around it; empty when the reader has left it on purpose

const usable = (e) => e.isConnected && !e.disabled && e.getClientRects().length > 0;

function give(e) {
  if (e.tabIndex < 0 && !e.hasAttribute('tabindex')) {
    e.tabIndex = -1;
    e.addEventListener('blur', () => e.removeAttribute('tabindex'), { once: true });
  }
  e.focus({ preventScroll: true });
}

export function keepFocus(root) {
  const leave = () => { path = []; };
  addEventListener('focusin', (e) => {
    leave();
    for (let n = e.target; n && n !== root; n = n.parentElement) path.push(n);
  });
  addEventListener('pointerdown', leave, true);
  addEventListener('keydown', (e) => { if (e.key === 'Tab') leave(); }, true);
  new MutationObserver(() => {
    const at = document.activeElement;
    if (!path.length || (at && at !== document.body && !at.disabled) || !document.hasFocus()) return;
    const next = path.find(usable);
    if (next) give(next); else leave();
  }).observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ['disabled'] });
}
