/** Only one window of a phone sells: two would share the key and the open sale. The newest visible one takes over. */

const NAME = 'softpos-terminal';

/**
 * @param {() => void} onTaken this window sells from now on
 * @param {() => void} onLost another window took over
 */
export async function takeOver(onTaken, onLost) {
  if (!navigator.locks) return onTaken();
  try {
    await navigator.locks.request(NAME, { steal: true }, () => {
      onTaken();
      return new Promise(() => {}); // held until the window closes or another one takes it
    });
  } catch {
    onLost();
  }
}
