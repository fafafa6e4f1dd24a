// Typed errors. Messages read `operation: expected …, got …. hint`.

/** Base of every error that Cotangent throws on purpose. */
export class CotangentError extends Error {
  override name = "CotangentError";
}

/** Sizes that do not fit together. */
export class ShapeError extends CotangentError {
  override name = "ShapeError";
}

/** An element type that an operation does not take. */
export class DTypeError extends CotangentError {
  override name = "DTypeError";
}

/** An axis that the shape does not have, or that is named twice. */
export class AxisError extends CotangentError {
  override name = "AxisError";
}

/** An index or label outside its range. */
export class IndexError extends CotangentError {
  override name = "IndexError";
}

/** A matrix that an operation of linear algebra does not take: singular, say, or not positive definite. */
export class LinAlgError extends CotangentError {
  override name = "LinAlgError";
}

/** An argument that is not what the documentation asks for. */
export class ArgumentError extends CotangentError {
  override name = "ArgumentError";
}

/** A gradient that cannot be taken, or a value that is gone. */
export class GraphError extends CotangentError {
  override name = "GraphError";
}

/** A device that is missing, out of memory, or mixed with another. */
export class DeviceError extends CotangentError {
  override name = "DeviceError";
}
