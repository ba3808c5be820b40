/** Stands in for xmlbuilder2, which vtk.js imports for a writer that no viewer here uses. */

export function create(): never {
  throw new Error("XML writing is not part of this bundle");
}
