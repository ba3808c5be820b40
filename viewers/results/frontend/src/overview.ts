/** What of a result the viewer draws: which layers, how dense, and what the reader's hand holds. */

import { listen, tell } from "@common/events";
import type { DrawnHandle, DrawnLayer } from "@common/layers";
import { isOpaque } from "@common/palettes";
import type { Model } from "./model";
import type { Layer } from "./types";
import { unitWord } from "./words";

const OPACITY = { mask: 0.35, map: 0.55, picture: 1, points: 0.9 } as const;
/** More handles than these would hide the image: they come when asked for. */
const MOST_HANDLES = 6;
const RADIUS_MM = 4;

export interface Brush {
  layer: string;
  radius_mm: number;
  erase: boolean;
}

/** The layers and handles of one result, as the reader has set them. */
export class Overview {
  brush: Brush | undefined;
  private handlesShown: boolean | undefined;
  pick: string | undefined;
  private radius = RADIUS_MM;
  private readonly visible = new Map<string, boolean>();
  private readonly opacities = new Map<string, number>();

  constructor(
    private readonly caseId: string,
    readonly model: Model,
    private readonly changed: () => void,
  ) {}

  /** Numbers of a red result are not to be seen, and neither is where they come from. */
  get isHidden(): boolean {
    return this.model.content?.grade === "red" && !this.model.isRevealed;
  }

  isVisible(layer: Layer): boolean {
    return this.visible.get(layer.key) ?? layer.is_shown;
  }

  opacity(layer: Layer): number {
    const first = isOpaque(layer.palette) ? 1 : OPACITY[layer.kind];
    return this.opacities.get(layer.key) ?? first;
  }

  get showsHandles(): boolean {
    return this.handlesShown ?? (this.model.content?.handles.length ?? 0) <= MOST_HANDLES;
  }

  showHandles(isShown: boolean): void {
    this.handlesShown = isShown;
    this.tell();
    this.changed();
  }

  show(layer: Layer, isVisible: boolean): void {
    this.visible.set(layer.key, isVisible);
    if (!isVisible && this.brush?.layer === layer.key) this.setBrush(undefined);
    this.tell();
    this.changed();
  }

  /** Show this map and no other. */
  showMap(layer: Layer, isVisible: boolean): void {
    for (const other of this.model.content?.layers ?? []) {
      if (other.kind === "map") this.visible.set(other.key, false);
    }
    this.show(layer, isVisible);
    if (!isVisible) return;
    const { id } = this.model.json;
    tell("hoichan:show-layer", {
      case_id: this.caseId,
      result_id: id,
      key: layer.key,
      segment: 0,
      if_hidden: true,
    });
  }

  setOpacity(layer: Layer, opacity: number): void {
    this.opacities.set(layer.key, opacity);
    this.tell();
  }

  get radiusMm(): number {
    return this.radius;
  }

  setRadius(mm: number): void {
    this.radius = mm;
    if (this.brush) this.setBrush({ ...this.brush, radius_mm: mm });
  }

  setBrush(brush: Brush | undefined): void {
    const told = brush ?? this.brush;
    this.brush = brush;
    if (brush) this.setPick(undefined);
    if (told) {
      tell("hoichan:brush", {
        case_id: this.caseId,
        result_id: this.model.json.id,
        ...told,
        on: brush !== undefined,
      });
    }
    this.changed();
  }

  setPick(key: string | undefined): void {
    const told = key ?? this.pick;
    this.pick = key;
    if (key && !this.showsHandles) this.showHandles(true);
    if (key) this.setBrush(undefined);
    if (told) {
      tell("hoichan:pick", {
        case_id: this.caseId,
        result_id: this.model.json.id,
        key: told,
        on: key !== undefined,
      });
    }
    this.changed();
  }

  showLayer(key: string, segment: number): void {
    const layer = this.model.content?.layers.find((one) => one.key === key);
    if (layer && !this.isVisible(layer)) this.show(layer, true);
    tell("hoichan:show-layer", { case_id: this.caseId, result_id: this.model.json.id, key, segment });
  }

  showHandle(key: string): void {
    if (!this.showsHandles) this.showHandles(true);
    tell("hoichan:show-handle", { case_id: this.caseId, result_id: this.model.json.id, key });
  }

  /** Tell the viewer everything; also when it asks late, as nothing is remembered there. */
  tell(): void {
    const layers = this.drawnLayers();
    const handles = this.drawnHandles();
    tell("hoichan:layers", { case_id: this.caseId, layers });
    tell("hoichan:handles", { case_id: this.caseId, handles });
  }

  drawn(layer: Layer): DrawnLayer {
    const { is_editable: _editable, is_shown: _shown, unit, ...rest } = layer;
    return {
      ...rest,
      result_id: this.model.json.id,
      unit: unitWord(unit),
      opacity: this.opacity(layer),
      visible: this.isVisible(layer),
    };
  }

  private drawnLayers(): DrawnLayer[] {
    if (this.isHidden) return [];
    return (this.model.content?.layers ?? []).map((layer) => this.drawn(layer));
  }

  private drawnHandles(): DrawnHandle[] {
    const { content, edits, json, mayEdit } = this.model;
    if (this.isHidden || !content || !this.showsHandles) return [];
    const rejected = new Set(edits.rejected ?? []);
    return content.handles
      .filter((handle) => !handle.group || !rejected.has(handle.group))
      .map((handle) => ({
        result_id: json.id,
        key: handle.key,
        kind: handle.kind,
        label: handle.label,
        colour: handle.colour,
        points_mm: edits.handles?.[handle.key] ?? handle.points_mm,
        series_instance_uid: handle.series_instance_uid,
        editable: handle.is_editable && mayEdit,
      }));
  }

  /** Hear the viewer; returns the function that stops. */
  listen(): () => void {
    const isOurs = (detail: { case_id: string }): boolean => detail.case_id === this.caseId;
    const stops = [
      listen("hoichan:handle-moved", (detail) => {
        if (isOurs(detail)) this.model.moveHandle(detail.key, detail.points_mm);
      }),
      listen("hoichan:stroke", ({ case_id, result_id: _id, ...stroke }) => {
        if (case_id === this.caseId) this.model.addStroke(stroke);
      }),
      listen("hoichan:brush", (detail) => {
        if (!isOurs(detail) || detail.on || !this.brush) return;
        this.brush = undefined;
        this.changed();
      }),
      listen("hoichan:pick", (detail) => {
        if (!isOurs(detail) || detail.on || !this.pick) return;
        this.pick = undefined;
        this.changed();
      }),
    ];
    return () => {
      for (const stop of stops) stop();
      this.setBrush(undefined);
      this.setPick(undefined);
      tell("hoichan:layers", { case_id: this.caseId, layers: [] });
      tell("hoichan:handles", { case_id: this.caseId, handles: [] });
    };
  }
}
