/** Whether something is in view: what nobody sees subscribes to nothing. */

import { type RefObject, useEffect, useState } from "react";

/** Just below the edge counts as in view, so that values are there when it comes. */
const MARGIN = "120px";

export function useVisible(element: RefObject<Element | null>): boolean {
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver((entries) => setVisible(entries.at(-1)?.isIntersecting ?? false), {
      rootMargin: MARGIN,
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return visible;
}
