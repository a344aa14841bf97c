/**
 * Sales by hour as bars (uPlot), with a tooltip for pointer and arrow keys. The same numbers stand in a table beside
 * it, which is what a screen reader is pointed to. Colours come from the style sheet and follow the theme.
 */

import uPlot from '../uplot/uPlot.esm.js';

const HEIGHT_PX = 240;
/** Steps of the hour labels, so that they read 0 3 6 … and never 0 5 10. */
const HOUR_STEPS = [1, 2, 3, 4, 6, 12];
const EMPTY_MAX_MINOR = 100_00;

/**
 * @typedef {object} ChartOptions
 * @property {(line: SalesLine & {hour: number}) => string[]} describe the tooltip's lines
 * @property {(minor: number) => string} money short, for the axis
 */

export class HourChart {
  /** @type {(SalesLine & {hour: number})[]} */
  #lines = [];
  /** @type {uPlot | null} */
  #plot = null;
  /** @type {number | null} */
  #shown = null;

  /**
   * @param {HTMLElement} host
   * @param {ChartOptions} options
   */
  constructor(host, options) {
    this.host = host;
    this.options = options;
    this.tip = element('chart__tip');
    this.mark = element('chart__mark');
    new ResizeObserver(() => this.#resize()).observe(host);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#plot?.redraw());
    host.addEventListener('keydown', (event) => this.#key(event));
    host.addEventListener('focus', () => host.matches(':focus-visible') && this.#show(this.#busiest()));
    host.addEventListener('blur', () => this.#show(null));
  }

  /** @param {(SalesLine & {hour: number})[]} lines 24, in the order of the business day */
  draw(lines) {
    this.#lines = lines;
    const sales = lines.map((line) => line.sales);
    this.host.dataset.sum = String(sales.reduce((sum, value) => sum + value, 0));
    if (this.#plot) this.#plot.setData([lines.map((_, index) => index), sales]);
    else this.#make(sales);
    if (this.#shown !== null) this.#show(this.#shown);
  }

  /** @param {number[]} sales */
  #make(sales) {
    const plot = new uPlot(this.#uplotOptions(), [sales.map((_, index) => index), sales], this.host);
    plot.under.append(this.mark);
    plot.over.append(this.tip);
    plot.over.addEventListener('mouseleave', () => this.#show(null));
    this.#plot = plot;
    this.#show(null);
  }

  /** @returns {uPlot.Options} */
  #uplotOptions() {
    const font = `12px ${getComputedStyle(this.host).fontFamily}`;
    const muted = () => token('--muted');
    return {
      width: this.host.clientWidth || 600,
      height: HEIGHT_PX,
      padding: [8, 4, 0, 0],
      legend: { show: false },
      cursor: {
        x: false, y: false, points: { show: false }, drag: { x: false, y: false, setScale: false },
      },
      scales: {
        x: { time: false, range: [-0.5, 23.5] },
        y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : EMPTY_MAX_MINOR] },
      },
      axes: [
        {
          stroke: muted, font, size: 28, gap: 4, space: 46, incrs: HOUR_STEPS,
          grid: { show: false }, ticks: { show: false },
          values: (_, splits) => splits.map((index) => this.#hourName(index)),
        },
        {
          stroke: muted, font, size: (_, values) => 16 + 7 * Math.max(0, ...(values ?? []).map((text) => text.length)),
          gap: 8, space: 48, ticks: { show: false },
          grid: { stroke: () => token('--line'), width: 1 },
          values: (_, splits) => splits.map((minor) => this.options.money(minor)),
        },
      ],
      series: [
        {},
        {
          fill: () => token('--brand'), width: 0, points: { show: false },
          paths: uPlot.paths.bars?.({ size: [0.72, 40], radius: 0.18 }),
        },
      ],
      hooks: { setCursor: [(plot) => this.#hover(plot)] },
    };
  }

  /** @param {uPlot} plot */
  #hover(plot) {
    const { left, idx } = plot.cursor;
    if (left !== undefined && left >= 0 && idx != null) this.#show(idx);
  }

  /** @param {number | null} index */
  #show(index) {
    const plot = this.#plot;
    const line = index === null ? undefined : this.#lines[index];
    this.#shown = line ? index : null;
    this.tip.hidden = this.mark.hidden = !line;
    if (!plot || !line || index === null) return;
    const [first, ...more] = this.options.describe(line).map((text) => {
      const part = document.createElement('span');
      part.textContent = text;
      return part;
    });
    this.tip.replaceChildren(...(first ? [first, ...more] : []));
    const width = plot.over.clientWidth;
    const slot = width / this.#lines.length;
    this.mark.style.width = `${slot}px`;
    this.mark.style.left = `${slot * index}px`;
    // Beside the bar, on the side with more room, so that it hides no part of it.
    const beside = index < this.#lines.length / 2 ? slot * (index + 1) + 6 : slot * index - this.tip.offsetWidth - 6;
    this.tip.style.left = `${Math.max(0, Math.min(width - this.tip.offsetWidth, beside))}px`;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const last = this.#lines.length - 1;
    const at = this.#shown ?? this.#busiest();
    const next = { ArrowLeft: Math.max(0, at - 1), ArrowRight: Math.min(last, at + 1), Home: 0, End: last }[event.key];
    if (event.key === 'Escape') this.#show(null);
    if (next === undefined) return;
    event.preventDefault();
    this.#show(next);
  }

  #busiest() {
    return this.#lines.reduce((best, line, index) => (line.sales > (this.#lines[best]?.sales ?? 0) ? index : best), 0);
  }

  /** @param {number} index */
  #hourName(index) {
    const line = this.#lines[index];
    return line ? `${line.hour}:00` : '';
  }

  #resize() {
    const width = this.host.clientWidth;
    if (this.#plot && width > 0 && width !== this.#plot.width) {
      this.#plot.setSize({ width, height: HEIGHT_PX });
      this.#show(this.#shown);
    }
  }
}

/** @param {string} name of a custom property of the style sheet */
function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** @param {string} class_name */
function element(class_name) {
  const made = document.createElement('div');
  made.className = class_name;
  made.hidden = true;
  return made;
}
