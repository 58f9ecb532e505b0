// @ts-check
// Keeps the screen on: a phone that locks its screen stops its pages.

export function keepScreenOn() {
  if (!("wakeLock" in navigator)) return;
  const ask = () => {
    // Without permission the screen goes off as always.
    if (document.visibilityState === "visible") navigator.wakeLock.request("screen").catch(() => {});
  };
  document.addEventListener("visibilitychange", ask); // the browser takes the lock back from hidden pages
  ask();
}
