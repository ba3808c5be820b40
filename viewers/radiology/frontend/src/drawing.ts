/** Between Cornerstone's annotations and our marks: same points, our numbers. */

import { eventTarget, getEnabledElementByViewportId } from "@cornerstonejs/core";
import { annotation as annotations, cancelActiveManipulations, Enums, type Types } from "@cornerstonejs/tools";
import { normal, toPixel } from "./geometry";
import { fromHandles, samePoints, toHandles } from "./handles";
import { imageLattice, volumeLattice } from "./lattices";
import type { BuiltVolume, Series } from "./series";
import { measure } from "./statistics";
import { kindOfTool, toolOfKind } from "./toolgroups";
import type { Mark, MarkContent, MarkKind, Vector } from "./types";
import { nearestFrame } from "./volume";
import { distance, dot } from "./vectors";

type Drawn = Omit<Types.Annotation, "metadata"> & {
  metadata: NonNullable<Types.Annotation["metadata"]>;
  data: { label?: string; markId?: string };
};

/** What a viewport shows, so that a mark drawn there knows its pixels. */
export interface Shown {
  series: Series;
  /** Undefined for the original images. */
  volume: BuiltVolume | undefined;
}

export interface DrawingHooks {
  shownIn(viewportId: string): Shown | undefined;
  drawn(id: string, content: MarkContent): void;
  moved(id: string, content: MarkContent): void;
  /** Show marks again. */
  refresh(): void;
  selected(id: string | undefined): void;
}

const QUIET_AFTER_MOVE_MS = 400;
const POINTING = ["pointerdown", "pointermove", "pointerup", "pointercancel"] as const;

export class Drawing {
  private readonly contents = new Map<string, MarkContent>();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  private readonly origins = new Map<string, Shown>();
  /** Marks still under the reader's hand: nobody's business but the screen's. */
  private readonly unfinished = new Set<string>();
  private readonly stopListening: () => void;
  private quiet = false;
  /** A hand that hesitates with a mark in it has not put it down: one drag is one change. */
  private isHeld = false;

  constructor(private readonly hooks: DrawingHooks) {
    const { Events } = Enums;
    const listeners: [string, (event: Event) => void][] = [
      [Events.ANNOTATION_ADDED, (event) => this.onAdded(detailOf(event))],
      [Events.ANNOTATION_COMPLETED, (event) => this.onCompleted(detailOf(event))],
      [Events.ANNOTATION_MODIFIED, (event) => this.onModified(detailOf(event))],
      [Events.ANNOTATION_REMOVED, (event) => this.onRemoved(detailOf(event))],
      [Events.ANNOTATION_SELECTION_CHANGE, () => this.hooks.selected(this.selected)],
    ];
    const hold = (event: PointerEvent): void => {
      this.isHeld = event.buttons !== 0;
    };
    for (const [name, listener] of listeners) eventTarget.addEventListener(name, listener);
    for (const name of POINTING) window.addEventListener(name, hold, true);
    this.stopListening = () => {
      for (const [name, listener] of listeners) eventTarget.removeEventListener(name, listener);
      for (const name of POINTING) window.removeEventListener(name, hold, true);
    };
  }

  destroy(): void {
    this.stopListening();
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.clear();
  }

  /** Forget every drawing (not the marks). */
  clear(): void {
    this.quietly(() => {
      for (const id of this.contents.keys()) annotations.state.removeAnnotation(id);
    });
    this.contents.clear();
  }

  content(id: string): MarkContent | undefined {
    return this.contents.get(id);
  }

  get selected(): string | undefined {
    return annotations.selection
      .getAnnotationsSelected()
      .find((id) => this.contents.has(id));
  }

  select(id: string): void {
    annotations.selection.setAnnotationSelected(id, true, false);
    this.hooks.refresh();
  }

  isHighlighted(id: string): boolean {
    return annotations.state.getAnnotation(id)?.highlighted ?? false;
  }

  /** Bring a mark of the store onto the images of `series`; `editable` marks may be moved. */
  show(mark: Mark, series: Series, editable: boolean): void {
    const drawn = annotations.state.getAnnotation(mark.id) as Drawn | undefined;
    this.contents.set(mark.id, mark.content);
    this.quietly(() => {
      if (drawn) {
        drawn.data.label = mark.content.text;
        if (!samePoints(pointsOf(drawn), mark.content)) {
          drawn.data.handles!.points = toHandles(mark.content, series) as never;
          drawn.invalidated = true;
        }
        drawn.isLocked = !editable;
        return;
      }
      const made = this.make(mark, series, editable);
      if (made) annotations.state.addAnnotation(made, made.metadata.FrameOfReferenceUID!);
    });
    this.hooks.refresh();
  }

  hide(id: string): void {
    this.contents.delete(id);
    this.unfinished.delete(id);
    this.quietly(() => {
      if (annotations.state.getAnnotation(id)) annotations.state.removeAnnotation(id);
    });
    this.hooks.refresh();
  }

  /** Stop what is being drawn, and forget it. */
  cancel(element: HTMLDivElement): void {
    if (this.unfinished.size === 0) return;
    // Cornerstone calls a cancelled mark completed.
    this.quietly(() => cancelActiveManipulations(element));
    for (const id of [...this.unfinished]) this.hide(id);
  }

  private make(mark: Mark, series: Series, editable: boolean): Drawn | undefined {
    const { content } = mark;
    const index = series.indexOf(content.sop_instance_uid, content.frame_number);
    if (index < 0) return undefined;
    const view = content.origin["view_plane_normal"] as Vector | undefined;
    const isReformatted = Boolean(content.origin["reformatted"] && view);
    const plane = series.drawnPlane(index)?.plane;
    return {
      annotationUID: mark.id,
      highlighted: false,
      invalidated: false,
      isLocked: !editable,
      isVisible: true,
      metadata: {
        toolName: toolOfKind(content.kind),
        FrameOfReferenceUID: series.drawnFrameOfReference(index),
        ...(isReformatted
          ? { viewPlaneNormal: [...view!] }
          : {
              referencedImageId: series.imageIds[index],
              ...(plane ? { viewPlaneNormal: [...normal(plane)] } : {}),
            }),
      },
      data: {
        markId: mark.id,
        label: content.text,
        handles: {
          points: toHandles(content, series),
          activeHandleIndex: null,
          ...(content.kind === "arrow" ? { arrowFirst: true } : {}),
          textBox: emptyTextBox(),
        },
        cachedStats: {},
      },
    } as unknown as Drawn;
  }

  private quietly(act: () => void): void {
    this.quiet = true;
    try {
      act();
    } finally {
      this.quiet = false;
    }
  }

  private onAdded({ annotation, viewportId }: AnnotationDetail): void {
    if (this.quiet || !kindOf(annotation) || !viewportId) return;
    // Marks are identified by UUIDs of our own making: the server takes a repeated POST once.
    annotation.data.markId = annotation.annotationUID!;
    const shown = this.hooks.shownIn(viewportId);
    if (!shown) return;
    this.origins.set(annotation.annotationUID!, shown);
    this.unfinished.add(annotation.annotationUID!);
    if (shown.volume) this.anchor(annotation, shown, viewportId);
    this.contents.set(annotation.annotationUID!, this.read(annotation, shown)!);
  }

  /** A mark on a reformatted plane belongs to an original image only when it lies on one. */
  private anchor(annotation: Drawn, shown: Shown, viewportId: string): void {
    delete annotation.metadata.referencedImageId;
    const camera = getEnabledElementByViewportId(viewportId)?.viewport.getCamera();
    const stack = shown.series.stack;
    if (!camera?.viewPlaneNormal || typeof stack === "string") return;
    annotation.metadata.viewPlaneNormal = camera.viewPlaneNormal;
    const isParallel = Math.abs(dot(camera.viewPlaneNormal as Vector, stack.normal)) > 0.9999;
    const near = nearestFrame(stack, pointsOf(annotation)[0]!);
    if (isParallel && near.distance < shown.volume!.grid.spacing[2] / 2 + 1e-3) {
      annotation.metadata.referencedImageId = shown.series.imageIds[near.index];
    }
  }

  private onCompleted({ annotation }: AnnotationDetail): void {
    const id = annotation.annotationUID!;
    const shown = this.origins.get(id);
    if (this.quiet || !shown) return;
    this.unfinished.delete(id);
    const content = this.read(annotation, shown);
    if (!content || isPoint(content)) {
      this.hide(id);
      return;
    }
    this.contents.set(id, content);
    this.hooks.drawn(id, content);
    this.hooks.refresh();
  }

  /** A tool dropped a mark it was still drawing (an arrow without text). */
  private onRemoved({ annotation }: AnnotationDetail): void {
    const id = annotation.annotationUID!;
    if (this.quiet || !this.unfinished.delete(id)) return;
    this.contents.delete(id);
  }

  private onModified({ annotation, viewportId }: AnnotationDetail): void {
    const id = annotation.annotationUID!;
    if (this.quiet || !this.contents.has(id)) return;
    const shown = this.origins.get(id) ?? (viewportId ? this.hooks.shownIn(viewportId) : undefined);
    const content = shown && this.read(annotation, shown);
    if (!content) return;
    const before = this.contents.get(id)!;
    this.contents.set(id, content);
    if (this.unfinished.has(id)) return;
    if (samePoints(before.points_mm, content) && before.text === content.text) return;
    this.settle(id);
  }

  private settle(id: string): void {
    clearTimeout(this.timers.get(id));
    this.timers.set(
      id,
      setTimeout(() => {
        if (this.isHeld) return this.settle(id);
        this.timers.delete(id);
        const now = this.contents.get(id);
        if (now) this.hooks.moved(id, now);
      }, QUIET_AFTER_MOVE_MS),
    );
  }

  /** The mark an annotation stands for now, measured on the pixels under it. */
  private read(annotation: Drawn, shown: Shown): MarkContent | undefined {
    const kind = kindOf(annotation);
    if (!kind) return undefined;
    const { series } = shown;
    const points = fromHandles(kind, pointsOf(annotation));
    const referenced = annotation.metadata.referencedImageId;
    const onImage = referenced ? series.imageIds.indexOf(referenced) : -1;
    const stack = shown.volume ? series.stack : undefined;
    const index =
      onImage >= 0
        ? onImage
        : stack && typeof stack !== "string"
          ? nearestFrame(stack, points[0]!).index
          : -1;
    if (index < 0) return undefined;
    const [instance, frame] = series.set.frames[index]!;
    const lattice =
      onImage >= 0
        ? imageLattice(series, index)
        : volumeLattice(shown.volume!, annotation.metadata.viewPlaneNormal as Vector, points, series.isCt);
    const drawn = series.drawnPlane(index);
    return {
      kind,
      study_instance_uid: series.set.study_instance_uid,
      series_instance_uid: series.set.series_instance_uid,
      sop_instance_uid: instance,
      sop_class_uid: series.sopClass(index),
      frame_number: frame,
      frame_of_reference_uid: series.frameOfReference(index),
      points_mm: points,
      text: annotation.data.label ?? "",
      measurements: measure(kind, points, lattice),
      origin: {
        viewer: "radiology",
        ...(onImage < 0
          ? {
              reformatted: true,
              resampled: shown.volume!.grid.isResampled,
              view_plane_normal: [...(annotation.metadata.viewPlaneNormal ?? [])],
            }
          : {}),
        ...(drawn?.isCalibrated === false ? { uncalibrated: true } : {}),
        // No place in the patient: reports then give pixels (PS3.3 C.18.6; a pixel's centre is .5)
        ...(drawn && !series.plane(index)
          ? { points_px: points.map((p) => toPixel(drawn.plane, p).map((at) => at + 0.5)) }
          : {}),
      },
    };
  }
}

interface AnnotationDetail {
  annotation: Drawn;
  viewportId?: string;
}

const detailOf = (event: Event): AnnotationDetail => (event as CustomEvent<AnnotationDetail>).detail;

function kindOf(annotation: Drawn): MarkKind | undefined {
  return kindOfTool(annotation.metadata.toolName);
}

function pointsOf(annotation: Drawn): Vector[] {
  return (annotation.data.handles?.points ?? []).map((point) => [...point] as unknown as Vector);
}

/** A click without a drag: nothing a reader would want kept. */
function isPoint(content: MarkContent): boolean {
  if (content.kind === "probe") return false;
  if (content.kind === "angle" && content.points_mm.length < 3) return true;
  const [first, ...rest] = content.points_mm;
  return rest.every((point) => distance(point, first!) < 1e-3);
}

function emptyTextBox(): object {
  const corner = (): number[] => [0, 0, 0];
  return {
    hasMoved: false,
    worldPosition: corner(),
    worldBoundingBox: {
      topLeft: corner(),
      topRight: corner(),
      bottomLeft: corner(),
      bottomRight: corner(),
    },
  };
}
