// Which addresses crowd each other out of the nearest cache.

/** Lines at multiples of so many bytes meet in one set of it. */
const setBytes = 4 << 10;

/** Whether what lies so many bytes apart, again and again, falls into one set. */
export const meetInOneSet = (apartBytes: number): boolean => apartBytes !== 0 && apartBytes % setBytes === 0;
