/** Text of a field that stands in the address: what is typed goes there once it rests, what the address says is shown. */

import { useEffect, useState } from "react";
import { useSearchParams } from "react-router";

const REST_MS = 200;

/** The field's text, and how to change it. */
export function useAddressText(key: string): [string, (text: string) => void] {
  const [params, setParams] = useSearchParams();
  const said = params.get(key) ?? "";
  const [text, setText] = useState(said);
  const [seen, setSeen] = useState(said);
  const [sent, setSent] = useState(said);
  if (seen !== said) {
    setSeen(said);
    // Somebody followed a link, or went back; what came from the field itself may be behind what is typed by now.
    if (said !== sent) {
      setSent(said);
      setText(said);
    }
  }
  useEffect(() => {
    if (text === sent) return;
    const timer = setTimeout(() => {
      setSent(text);
      setParams(
        (before) => {
          const after = new URLSearchParams(before);
          if (text) after.set(key, text);
          else after.delete(key);
          return after;
        },
        { replace: true },
      );
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [text, sent, key, setParams]);
  return [text, setText];
}
