/** What something has been for a while: of what changes quickly, only where it comes to rest. */

import { useEffect, useState } from "react";

export function useRested<T>(value: T, milliseconds = 150): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return rested;
}
