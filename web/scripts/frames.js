// @ts-check
// Watches whether the page can still draw.

export class FrameWatch {
  constructor() {
    /** Longest time between two frames in milliseconds. @type {number} */
    this.longest = 0;
    let /** @type {number | undefined} */ last;
    const frame = (/** @type {number} */ now) => {
      if (this.isOver) return;
      // A hidden tab draws nothing.
      if (last !== undefined && !document.hidden) this.longest = Math.max(this.longest, now - last);
      last = document.hidden ? undefined : now;
      requestAnimationFrame(frame);
    };
    this.isOver = false;
    requestAnimationFrame(frame);
  }

  /** Ends watching. Returns the longest time between two frames in milliseconds. */
  stop() {
    this.isOver = true;
    return this.longest;
  }
}
