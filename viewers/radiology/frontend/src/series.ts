/** One display set as the viewer holds it: headers, planes, frames on their way, volume. */

import { cache, imageLoader, Enums, metaData, utilities, volumeLoader } from "@cornerstonejs/core";
import { wadors } from "@cornerstonejs/dicom-image-loader";
import type { Api } from "@common/api";
import { acquiredAt, Course } from "./course";
import { type Header, imageId, lossyRatio, numeric, seriesHeaders, TAG, text } from "./dicomweb";
import { type Plane, readStack, type Refusal, type Stack, type View, viewsOf } from "./geometry";
import { FrameQueue } from "./loading";
import type { DisplaySet, Vector } from "./types";
import { fill, type Grid, gridOf, type Voxels } from "./volume";
import { unit } from "./vectors";

interface ImagePlane {
  rowCosines: number[];
  columnCosines: number[];
  imagePositionPatient: number[];
  rowPixelSpacing: number;
  columnPixelSpacing: number;
  rows: number;
  columns: number;
  usingDefaultValues?: boolean;
}

export interface BuiltVolume {
  id: string;
  grid: Grid;
  views: View[];
}

type Changed = (series: Series) => void;

/** Voxels that no slice covers: below every window, and no part of any statistic. */
export const NOTHING = -3024;

export class Series {
  readonly imageIds: readonly string[];
  readonly queue: FrameQueue;
  private headers: Map<string, Header> | undefined;
  private opening: Promise<void> | undefined;
  private building: Promise<BuiltVolume | Refusal> | undefined;
  private readonly known = new Map<number, Plane | null>();
  private times: Course | undefined;

  constructor(
    private readonly api: Api,
    readonly set: DisplaySet,
    private readonly hasGpu: boolean,
    private readonly changed: Changed,
  ) {
    this.imageIds = set.frames.map((_, i) => imageId(api.base, set, i));
    this.queue = new FrameQueue(
      set.frames.length,
      async (index) => {
        await imageLoader.loadAndCacheImage(this.imageIds[index]!, {
          requestType: Enums.RequestType.Prefetch,
          priority: 0,
        });
      },
      () => this.changed(this),
    );
  }

  /** Fetch the headers, after which frames can be decoded and planes are known. */
  open(): Promise<void> {
    this.opening ??= this.readHeaders().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  get isOpen(): boolean {
    return this.headers !== undefined;
  }

  private async readHeaders(): Promise<void> {
    const headers = await seriesHeaders(this.api, this.set);
    this.set.frames.forEach(([instance], i) => {
      const header = headers.get(instance);
      if (header) wadors.metaDataManager.add(this.imageIds[i]!, this.framed(header));
    });
    // A frame of a multi-frame instance finds its header at frame 1, which another set may hold.
    for (const [instance, header] of headers) {
      const at = this.set.frames.findIndex(([uid]) => uid === instance);
      if (at < 0) continue;
      const first = this.imageIds[at]!.replace(/\d+$/, "1");
      if (!this.imageIds.includes(first)) {
        wadors.metaDataManager.add(first, this.framed(header));
      }
    }
    this.headers = headers;
    this.readCourse();
    this.imageIds.forEach((id, i) => {
      if (cache.getImage(id)) this.queue.noteLoaded(i);
    });
    this.changed(this);
  }

  /** The times of a series that comes back to its places; undefined for a plain stack. */
  get course(): Course | undefined {
    return this.times;
  }

  /** Where a reader begins. */
  get middle(): number {
    return this.times?.middle ?? this.imageIds.length >> 1;
  }

  private readCourse(): void {
    const { frames } = this.set;
    const seconds = frames.map(([, frame], i) => acquiredAt(this.header(i), frame));
    this.times = Course.of(frames.map((_, i) => this.plane(i)), seconds);
    if (this.times) this.queue.order((index, centre) => this.times!.need(index, centre));
  }

  /** Cornerstone files drawings by frame of reference: an image without one gets its series' UID. */
  private framed(header: Header): never {
    const made = withPalette(header);
    if (text(made, TAG.frameOfReferenceUid)) return made as never;
    const frame = { vr: "UI", Value: [this.set.series_instance_uid] };
    return { ...made, [TAG.frameOfReferenceUid]: frame } as never;
  }

  header(index: number): Header | undefined {
    return this.headers?.get(this.set.frames[index]?.[0] ?? "");
  }

  isColourAt(index: number): boolean {
    const header = this.header(index);
    return (numeric(header, TAG.samplesPerPixel) ?? 1) > 1 || isPalette(header);
  }

  /** Whether the values of frame `index` are Hounsfield units: a CT image that says how (C.8.2.1). */
  isCtAt(index: number): boolean {
    return (
      this.set.modality === "CT" &&
      !this.isColourAt(index) &&
      numeric(this.header(index), TAG.rescaleIntercept) !== null
    );
  }

  get isColour(): boolean {
    return this.set.frames.some((_, i) => this.isColourAt(i));
  }

  get isCt(): boolean {
    return this.isCtAt(0);
  }

  /** Frame `index` in the patient, or null when the header does not say. */
  plane(index: number): Plane | null {
    if (!this.known.has(index)) this.known.set(index, this.readPlane(index));
    return this.known.get(index) ?? null;
  }

  private readPlane(index: number): Plane | null {
    const module = this.imagePlane(index);
    if (!module || module.usingDefaultValues) return null;
    return {
      origin: module.imagePositionPatient.map(Number) as unknown as Vector,
      row: unit(module.rowCosines as unknown as Vector),
      column: unit(module.columnCosines as unknown as Vector),
      rowSpacing: module.rowPixelSpacing,
      columnSpacing: module.columnPixelSpacing,
      rows: module.rows,
      columns: module.columns,
      thickness: numeric(this.header(index), TAG.sliceThickness),
    };
  }

  /** Where Cornerstone draws frame `index`; made-up axes and pixels when the header is silent. */
  drawnPlane(index: number): { plane: Plane; isCalibrated: boolean } | null {
    const known = this.plane(index);
    if (known) return { plane: known, isCalibrated: true };
    const module = this.imagePlane(index);
    if (!module) return null;
    return {
      plane: {
        origin: module.imagePositionPatient.map(Number) as unknown as Vector,
        row: module.rowCosines as unknown as Vector,
        column: module.columnCosines as unknown as Vector,
        rowSpacing: module.rowPixelSpacing,
        columnSpacing: module.columnPixelSpacing,
        rows: module.rows,
        columns: module.columns,
        thickness: null,
      },
      isCalibrated: this.hasPixelSpacing(index),
    };
  }

  private hasPixelSpacing(index: number): boolean {
    const module = this.imagePlane(index) as (ImagePlane & { pixelSpacing?: unknown }) | undefined;
    return Boolean(module?.pixelSpacing);
  }

  private imagePlane(index: number): ImagePlane | undefined {
    const id = this.imageIds[index];
    return id ? (metaData.get("imagePlaneModule", id) as ImagePlane | undefined) : undefined;
  }

  frameOfReference(index: number): string {
    return text(this.header(index), TAG.frameOfReferenceUid);
  }

  drawnFrameOfReference(index: number): string {
    return this.frameOfReference(index) || this.set.series_instance_uid;
  }

  sopClass(index: number): string {
    return text(this.header(index), TAG.sopClassUid);
  }

  indexOf(sopInstanceUid: string, frameNumber: number): number {
    return this.set.frames.findIndex(([uid, frame]) => uid === sopInstanceUid && frame === frameNumber);
  }

  lossy(index: number): number | null {
    const header = this.header(index);
    return lossyRatio(header, text(header, TAG.availableTransferSyntaxUid));
  }

  /** Frames per second the series was made at, or 10. */
  get cineRate(): number {
    const header = this.header(0);
    const time = numeric(header, TAG.frameTime);
    return (
      numeric(header, TAG.cineRate) ??
      numeric(header, TAG.recommendedFrameRate) ??
      (time ? Math.round(1000 / time) : 10)
    );
  }

  /** The stack's geometry, or why there is no reformatting it. */
  get stack(): Stack | Refusal {
    if (!this.hasGpu) return "no_gpu";
    if (!this.isOpen) return "no_geometry";
    if (this.isColour) return "colour";
    return readStack(this.set.frames.map((_, i) => this.plane(i)));
  }

  get planes(): Plane[] {
    return this.set.frames.map((_, i) => this.plane(i)!);
  }

  /** Build the volume once all frames are here; the same one for every caller. */
  volume(): Promise<BuiltVolume | Refusal> {
    this.building ??= this.buildVolume().catch((error: unknown) => {
      this.building = undefined;
      throw error;
    });
    return this.building;
  }

  private async buildVolume(): Promise<BuiltVolume | Refusal> {
    const stack = this.stack;
    if (typeof stack === "string") return stack;
    const planes = this.planes;
    const grid = gridOf(planes, stack);
    if (grid === "too_large") return grid;
    // "derived:" keeps Cornerstone from asking a loader for slices that are only in memory.
    const id = `derived:hoichan/${this.set.id}`;
    const views = viewsOf(grid.row, grid.column, grid.axis);
    if (cache.getVolume(id)) return { id, grid, views };
    this.queue.start();
    await this.queue.whenSettled();
    if (this.queue.failures.size > 0) throw new MissingFrames(this.queue.failures.size);
    const values = (i: number): ArrayLike<number> =>
      cache.getImage(this.imageIds[stack.order[i]!]!)!.voxelManager!.getScalarData() as never;
    const isWhole = stack.order.every((_, i) => {
      const of = values(i);
      return of instanceof Int16Array || of instanceof Uint8Array;
    });
    const size = grid.dimensions[0] * grid.dimensions[1] * grid.dimensions[2];
    const voxels: Voxels = isWhole ? new Int16Array(size) : new Float32Array(size);
    await fill(grid, planes, stack, values, voxels, NOTHING, breathe);
    const volume = volumeLoader.createLocalVolume(id, {
      dimensions: grid.dimensions,
      spacing: grid.spacing,
      origin: [...grid.origin],
      direction: [...grid.row, ...grid.column, ...grid.axis],
      scalarData: voxels,
      metadata: {
        BitsAllocated: isWhole ? 16 : 32,
        BitsStored: isWhole ? 16 : 32,
        SamplesPerPixel: 1,
        HighBit: 15,
        PhotometricInterpretation: "MONOCHROME2",
        PixelRepresentation: 1,
        Modality: this.set.modality,
        SeriesInstanceUID: this.set.series_instance_uid,
        ImageOrientationPatient: [...grid.row, ...grid.column],
        PixelSpacing: [grid.spacing[1], grid.spacing[0]],
        FrameOfReferenceUID: this.drawnFrameOfReference(0),
        Columns: grid.dimensions[0],
        Rows: grid.dimensions[1],
        voiLut: [],
        VOILUTFunction: "",
      },
    } as never);
    this.placeSlices(volume.imageIds, grid);
    return { id, grid, views };
  }

  /** Tell Cornerstone where each slice of the local volume lies; it gives all the first's place. */
  private placeSlices(ids: readonly string[], grid: Grid): void {
    ids.forEach((id, k) => {
      utilities.genericMetadataProvider.add(id, {
        type: Enums.MetadataModules.IMAGE_PLANE,
        metadata: {
          frameOfReferenceUID: this.drawnFrameOfReference(0),
          rows: grid.dimensions[1],
          columns: grid.dimensions[0],
          imageOrientationPatient: [...grid.row, ...grid.column],
          rowCosines: [...grid.row],
          columnCosines: [...grid.column],
          imagePositionPatient: [0, 1, 2].map(
            (i) => grid.origin[i]! + grid.axis[i]! * grid.spacing[2] * k,
          ),
          pixelSpacing: [grid.spacing[1], grid.spacing[0]],
          rowPixelSpacing: grid.spacing[1],
          columnPixelSpacing: grid.spacing[0],
        },
      });
    });
  }
}

/** The volume cannot be built because frames are missing for good. */
export class MissingFrames extends Error {
  constructor(readonly count: number) {
    super(`${count} frames missing`);
  }
}

function isPalette(header: Header | undefined): boolean {
  return text(header, "00280004") === "PALETTE COLOR";
}

const PALETTES = ["00281201", "00281202", "00281203"];

/** Palettes come as bytes; Cornerstone reads numbers. One byte an entry or two (PS3.3 C.7.6.3.1.6). */
function withPalette(header: Header): Header {
  const entries = Number(header["00281101"]?.Value?.[0] ?? 0) || 65536;
  const made: Record<string, Header[string]> = { ...header };
  for (const tag of PALETTES) {
    const inline = header[tag]?.InlineBinary;
    if (inline === undefined) continue;
    const bytes = Uint8Array.from(atob(inline), (letter) => letter.charCodeAt(0));
    const isWide = bytes.length >= 2 * entries;
    const numbers = isWide ? new Uint16Array(bytes.buffer, 0, entries) : bytes;
    made[tag] = { vr: "OW", Value: [...numbers] };
  }
  return made;
}

function breathe(): Promise<void> {
  return new Promise((done) => setTimeout(done));
}
