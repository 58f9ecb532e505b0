// @ts-check
// Watches whether a run disturbs the page, and keeps the page in front of the user while it measures.

/** Watches whether the page can still draw, and whether its tab is in front. */
export class FrontWatch {
  #isOver = false;
  #wasHidden = document.hidden;
  /** Longest time between two frames in milliseconds. @type {number | undefined} */
  #longest;

  constructor() {
    let /** @type {number | undefined} */ last;
    const frame = (/** @type {number} */ now) => {
      if (this.#isOver) return;
      // A hidden tab draws nothing.
      if (last !== undefined && !document.hidden) this.#longest = Math.max(this.#longest ?? 0, now - last);
      last = document.hidden ? undefined : now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    document.addEventListener("visibilitychange", this.#look);
  }

  #look = () => {
    this.#wasHidden ||= document.hidden;
  };

  /** The longest time between two frames in milliseconds, if the page drew any. */
  longestGap() {
    return this.#longest;
  }

  /** Whether the tab was hidden at any moment. */
  wasHidden() {
    return this.#wasHidden;
  }

  end() {
    this.#isOver = true;
    document.removeEventListener("visibilitychange", this.#look);
  }
}

/** Keeps the screen on: a phone that locks its screen stops its pages. */
export class ScreenLock {
  #isOver = false;
  /** @type {WakeLockSentinel | undefined} */
  #lock;

  constructor() {
    // Old browsers have none.
    if (!("wakeLock" in navigator)) return;
    document.addEventListener("visibilitychange", this.#ask); // the browser takes the lock back from hidden pages
    void this.#ask();
  }

  #ask = async () => {
    if (document.hidden) return;
    try {
      this.#lock = await navigator.wakeLock.request("screen");
      if (this.#isOver) await this.#lock.release();
    } catch {
      // Without permission the screen goes off as always.
    }
  };

  end() {
    this.#isOver = true;
    document.removeEventListener("visibilitychange", this.#ask);
    void this.#lock?.release();
  }
}
