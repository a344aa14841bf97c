/** The receipt's print button; it shows only where a script can press it. */

const button = document.getElementById('print');
if (button) {
  button.hidden = false;
  button.addEventListener('click', () => window.print());
}
