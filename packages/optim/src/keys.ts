// Names in state dicts are PyTorch's: `weightDecay` is stored as `weight_decay`.

export const toStateKey = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export const fromStateKey = (key: string): string =>
  key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
