// Decompression that works in Node and in browsers, and stops at the size that the contents claim.
import { ArgumentError } from "@cotangent/core";

/** Whether `bytes` begin as a gzip file does (RFC 1952). */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/**
 * The contents of a gzip file.
 * @param context begins the messages of errors
 * @param sizeBytes tells from the first bytes how many the contents claim to be; reading stops soon after so many
 */
export async function gunzip(
  bytes: Uint8Array,
  context: string,
  sizeBytes: (head: Uint8Array) => number | undefined,
): Promise<Uint8Array> {
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      controller.enqueue(new Uint8Array(bytes));
      controller.close();
    },
  });
  const reader = source.pipeThrough(new DecompressionStream("gzip")).getReader();
  let contents = new Uint8Array(1024);
  let length = 0;
  let limit: number | undefined;
  while (limit === undefined || length <= limit) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new ArgumentError(`${context}: expected a complete gzip file, got one that is truncated or corrupt`, {
        cause,
      });
    });
    if (done) break;
    if (length + value.length > contents.length) {
      const grown = new Uint8Array(Math.max(2 * contents.length, length + value.length));
      grown.set(contents.subarray(0, length));
      contents = grown;
    }
    contents.set(value, length);
    length += value.length;
    limit ??= sizeBytes(contents.subarray(0, length));
  }
  void reader.cancel().catch(() => undefined);
  return contents.subarray(0, length);
}
