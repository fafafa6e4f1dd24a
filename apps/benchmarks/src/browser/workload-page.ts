// A page that runs the workload that its address names, as speed/worker.ts does in Node.
import { cotangent } from "../speed/cotangent.ts";
import { isWorkloadName } from "../speed/specification.ts";
import { runWorkload } from "../speed/workload-run.ts";
import { answer } from "./answer.ts";

await answer(async () => {
  const query = new URLSearchParams(location.search);
  const name = query.get("workload") ?? "";
  if (!isWorkloadName(name)) throw new Error(`expected a workload, got ${name}`);
  const outcome = await runWorkload(cotangent, name, Number(query.get("share") ?? 1), () => {
    throw new Error("expected a workload without files, got W8");
  });
  return { ...outcome, version: navigator.userAgent };
});
