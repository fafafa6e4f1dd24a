// Results that are kept for as long as what they follow from.

/** A function of objects that do not change: what `make` makes of each is made once. */
export function remember<K extends object, V extends object>(make: (from: K) => V): (from: K) => V {
  const known = new WeakMap<K, V>();
  return (from) => {
    let made = known.get(from);
    if (!made) {
      made = make(from);
      known.set(from, made);
    }
    return made;
  };
}
