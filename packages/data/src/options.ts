// Options as users write them, checked by a zod schema and reported as an ArgumentError.
import { ArgumentError } from "@cotangent/core";
import * as z from "zod";

export const seed: z.ZodType<number> = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

export const count: z.ZodType<number> = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);

/** `value` as `schema` reads it. The error names the operation, the option at fault and the value it had. */
export function checkOptions<S extends z.ZodType>(operation: string, schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue?.path.join(".") ?? "";
  const message = (issue?.message ?? "invalid options")
    .replace(/^Invalid input: /, "")
    .replace(/^Too \w+: /, "")
    .replace(/, received .*/, "");
  const got = issue !== undefined && issue.code !== "unrecognized_keys" ? `, got ${show(issue.input)}` : "";
  throw new ArgumentError(`${operation}: ${path === "" ? "" : `${path} `}${message}${got}`);
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null
    ? Array.isArray(value)
      ? "an array"
      : "an object"
    : String(value);
}
