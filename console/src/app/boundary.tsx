/** Around the whole console: where not even the frame comes up, that is said, with a way out. */

import { Component, type ReactNode } from "react";
import { Problem } from "~/api/client";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

/** Any error as what people are told; after an update of the server, a page's old files are gone until it is reloaded. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, "", t("frame.broken"), String((error as Error | undefined)?.message ?? error));
}

export class Boundary extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {};

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <div className="boot">
        <ProblemBox problem={problemOf(this.state.error)} onRetry={() => location.reload()} />
      </div>
    );
  }
}
