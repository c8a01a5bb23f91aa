(() => {
  // Label Studio saves marks some seconds after they were made. Whoever closes the page sooner
  // would lose them, so they are saved as it goes away; `keepalive` lets that request outlive it.
  let isLeaving = false;
  const send = window.fetch;
  window.fetch = (address, options) =>
    send(address, isLeaving && options?.body ? { ...options, keepalive: true } : options);
  const leave = () => {
    isLeaving = true;
    window.Htx?.annotationStore?.selected?.saveDraftImmediately?.();
  };
  window.addEventListener("beforeunload", leave);
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", () => { isLeaving = false; });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") leave();
    else isLeaving = false;
  });

  // It keeps the zoom of an image that has fewer pixels than the window, which then stays small in
  // a window that grows, and is cut off in one that shrinks. An image that was fitted is fitted again,
  // once the window rests.
  let isFitted = false;
  let resting;
  window.addEventListener("resize", () => {
    const shown = window.Htx?.annotationStore?.selected?.objects ?? [];
    const image = shown.find((tag) => tag.type === "image");
    if (!image?.containerRef || !image.sizeToFit) return;
    if (resting === undefined) isFitted = image.defaultzoom === "fit" && image.zoomScale === 1;
    clearTimeout(resting);
    resting = setTimeout(() => {
      resting = undefined;
      const { offsetWidth, offsetHeight } = image.containerRef ?? {};
      if (!isFitted || !offsetWidth) return;
      image.onResize(offsetWidth, offsetHeight, true);  // it may not know of the new size yet
      image.sizeToFit();
    }, 150);
  });

  // Nor does it submit while the cursor is in the note, and does not say so. It takes the note
  // once the cursor has left it.
  document.addEventListener("keydown", (event) => {
    const isSubmit = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (!isSubmit || !(event.target instanceof HTMLTextAreaElement)) return;
    event.preventDefault();
    event.target.blur();
    setTimeout(() => document.querySelector('button[name="submit"]')?.click());
  }, true);
})();
