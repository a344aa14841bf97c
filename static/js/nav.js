/** The menu of pages where it is wider than the screen: the page one is on is in view, and an edge fades where there is more. */

const nav = document.querySelector('.nav');
if (nav) {
  const mark = () => {
    const behind = nav.scrollWidth - nav.clientWidth - nav.scrollLeft;
    nav.classList.toggle('has-before', nav.scrollLeft > 1);
    nav.classList.toggle('has-after', behind > 1);
  };
  nav.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  nav.addEventListener('scroll', mark, { passive: true });
  new ResizeObserver(mark).observe(nav);
}
