/** Which mouse button does what, in stacks and in reformatted planes. */

import {
  addTool,
  AngleTool,
  ArrowAnnotateTool,
  BaseTool,
  CrosshairsTool,
  EllipticalROITool,
  Enums,
  LengthTool,
  PanTool,
  ProbeTool,
  RectangleROITool,
  StackScrollTool,
  ToolGroupManager,
  type Types,
  ZoomTool,
} from "@cornerstonejs/tools";
import { getEnabledElement, type Types as CoreTypes } from "@cornerstonejs/core";
import type { MarkKind } from "./types";

const { MouseBindings } = Enums;

/** Window by dragging: right is wider, down is higher, a tenth of the width per 25 pixels. */
class WindowTool extends BaseTool {
  static override toolName = "HoichanWindow";

  constructor(
    toolProps: Types.PublicToolProps = {},
    defaultToolProps: Types.ToolProps = { supportedInteractionTypes: ["Mouse", "Touch"] } as Types.ToolProps,
  ) {
    super(toolProps, defaultToolProps);
  }

  touchDragCallback(event: Types.EventTypes.InteractionEventType): void {
    this.mouseDragCallback(event);
  }

  mouseDragCallback(event: Types.EventTypes.InteractionEventType): void {
    const { element, deltaPoints } = event.detail as Types.EventTypes.MouseDragEventDetail;
    const viewport = getEnabledElement(element)?.viewport as CoreTypes.IStackViewport | undefined;
    const range = viewport?.getProperties().voiRange;
    if (!range) return;
    const [dx, dy] = deltaPoints.canvas;
    const width = range.upper - range.lower;
    const speed = Math.max(0.2, width / 250);
    const centre = (range.upper + range.lower) / 2 + dy * speed;
    const half = Math.max(0.5, (width + dx * speed) / 2);
    element.dispatchEvent(
      new CustomEvent(WINDOW_DRAGGED, { detail: { lower: centre - half, upper: centre + half } }),
    );
  }
}

/** Fired on the viewport's element by a window drag; `detail` is the new {lower, upper}. */
export const WINDOW_DRAGGED = "hoichan-window-dragged";

export type ToolName = "window" | "pan" | "zoom" | "scroll" | "crosshairs" | MarkKind;

const TOOL_NAMES: Record<ToolName, string> = {
  window: WindowTool.toolName,
  pan: PanTool.toolName,
  zoom: ZoomTool.toolName,
  scroll: StackScrollTool.toolName,
  crosshairs: CrosshairsTool.toolName,
  length: LengthTool.toolName,
  angle: AngleTool.toolName,
  ellipse: EllipticalROITool.toolName,
  rectangle: RectangleROITool.toolName,
  probe: ProbeTool.toolName,
  arrow: ArrowAnnotateTool.toolName,
};

const MARK_TOOLS: readonly MarkKind[] = [
  "length",
  "angle",
  "ellipse",
  "rectangle",
  "probe",
  "arrow",
];

export function kindOfTool(toolName: string): MarkKind | undefined {
  return MARK_TOOLS.find((kind) => TOOL_NAMES[kind] === toolName);
}

export const toolOfKind = (kind: MarkKind): string => TOOL_NAMES[kind];

export function registerTools(): void {
  [
    WindowTool,
    PanTool,
    ZoomTool,
    StackScrollTool,
    CrosshairsTool,
    LengthTool,
    AngleTool,
    EllipticalROITool,
    RectangleROITool,
    ProbeTool,
    ArrowAnnotateTool,
  ].forEach(addTool);
}

/** Called back by tools on the mark they draw. */
export interface MarkHooks {
  lines(data: object): string[];
  askText(current: string, done: (text: string) => void): void;
}

/** Lines of the three planes as a reader knows them: axial red, coronal green, sagittal yellow. */
export const PLANE_COLOURS = {
  axial: "rgb(240, 96, 96)",
  coronal: "rgb(96, 208, 120)",
  sagittal: "rgb(240, 208, 80)",
} as const;

/**
 * The two tool groups of a mount.
 *
 * A group that shows marks has all mark tools at least passive, so that saved marks are drawn.
 */
export class ToolGroups {
  private active: ToolName = "window";
  private canDraw = true;

  constructor(
    private readonly prefix: string,
    hooks: MarkHooks,
    planeColour: (viewportId: string) => string,
  ) {
    for (const id of [this.stackId, this.volumeId]) {
      const group = ToolGroupManager.createToolGroup(id)!;
      const isVolume = id === this.volumeId;
      for (const name of ["window", "pan", "zoom", "scroll"] as const) {
        group.addTool(TOOL_NAMES[name]);
      }
      const marks = {
        getTextLines: (data: object) => hooks.lines(data),
        // Our own numbers replace the tools': right on anisotropic pixels, and tested.
        calculateStats: false,
        // The keys z and y would undo behind our back; Ctrl+Z is ours.
        actions: { undo: { method: "undo", bindings: [] }, redo: { method: "redo", bindings: [] } },
      };
      for (const kind of MARK_TOOLS) {
        group.addTool(
          TOOL_NAMES[kind],
          kind === "arrow"
            ? {
                ...marks,
                getTextCallback: (done: (text: string) => void) => hooks.askText("", done),
                changeTextCallback: (
                  data: { data: { label?: string } },
                  _detail: unknown,
                  done: (text: string) => void,
                ) => hooks.askText(data.data.label ?? "", done),
              }
            : marks,
        );
      }
      if (isVolume) {
        group.addTool(TOOL_NAMES.crosshairs, {
          getReferenceLineColor: planeColour,
          getReferenceLineControllable: () => true,
          // Without it a click does not move the other planes. Turned planes are named oblique.
          getReferenceLineDraggableRotatable: () => true,
          getReferenceLineSlabThicknessControlsOn: () => false,
          referenceLinesCenterGapRadius: 24,
        });
      }
    }
    this.apply();
  }

  private get stackId(): string {
    return `${this.prefix}-stack`;
  }

  private get volumeId(): string {
    return `${this.prefix}-volume`;
  }

  addViewport(viewportId: string, engineId: string, isVolume: boolean): void {
    this.removeViewport(viewportId, engineId);
    ToolGroupManager.getToolGroup(isVolume ? this.volumeId : this.stackId)?.addViewport(
      viewportId,
      engineId,
    );
  }

  removeViewport(viewportId: string, engineId: string): void {
    for (const id of [this.stackId, this.volumeId]) {
      const group = ToolGroupManager.getToolGroup(id);
      if (group?.getViewportIds().includes(viewportId)) group.removeViewports(engineId, viewportId);
    }
  }

  get activeTool(): ToolName {
    return this.active;
  }

  activate(name: ToolName): void {
    this.active = name;
    this.apply();
  }

  allowDrawing(canDraw: boolean): void {
    this.canDraw = canDraw;
    if (!canDraw && (MARK_TOOLS as readonly string[]).includes(this.active)) this.active = "window";
    this.apply();
  }

  /** Let the wheel go through the planes the way it goes through the stack. */
  reverseScroll(isReversed: boolean): void {
    ToolGroupManager.getToolGroup(this.volumeId)!.setToolConfiguration(TOOL_NAMES.scroll, {
      invert: isReversed,
    });
  }

  /** Crosshairs find their viewports only when set active after these hold a volume. */
  refreshCrosshairs(): void {
    const group = ToolGroupManager.getToolGroup(this.volumeId)!;
    group.setToolDisabled(TOOL_NAMES.crosshairs);
    if (group.getViewportIds().length < 2) return;
    group.setToolActive(TOOL_NAMES.crosshairs, { bindings: [] });
    this.apply();
  }

  private apply(): void {
    for (const id of [this.stackId, this.volumeId]) {
      const group = ToolGroupManager.getToolGroup(id)!;
      const isVolume = id === this.volumeId;
      // Passive tools hold marks that may be moved, enabled ones only show them.
      for (const kind of MARK_TOOLS) {
        if (this.canDraw) group.setToolPassive(TOOL_NAMES[kind], { removeAllBindings: true });
        else group.setToolEnabled(TOOL_NAMES[kind]);
      }
      for (const name of ["window", "pan", "zoom", "scroll"] as const) {
        group.setToolPassive(TOOL_NAMES[name], { removeAllBindings: true });
      }
      const hasCrosshairs = isVolume && group.getViewportIds().length > 1;
      // Shown, but deaf: a line under the mouse must not catch what is meant for a drawing.
      if (hasCrosshairs && this.active !== "crosshairs") {
        group.setToolEnabled(TOOL_NAMES.crosshairs);
      }
      const primary =
        this.active === "crosshairs" && !hasCrosshairs ? "window" : this.active;
      const bindings = new Map<ToolName, Types.IToolBinding[]>();
      const bind = (name: ToolName, binding: Types.IToolBinding): void => {
        bindings.set(name, [...(bindings.get(name) ?? []), binding]);
      };
      bind(primary, { mouseButton: MouseBindings.Primary });
      bind("pan", { mouseButton: MouseBindings.Auxiliary });
      bind("zoom", { mouseButton: MouseBindings.Secondary });
      bind("zoom", { numTouchPoints: 2 });
      bind("pan", { numTouchPoints: 3 });
      bind("scroll", { mouseButton: MouseBindings.Wheel });
      for (const [name, list] of bindings) {
        group.setToolActive(TOOL_NAMES[name], { bindings: list });
      }
    }
  }

  destroy(): void {
    ToolGroupManager.destroyToolGroup(this.stackId);
    ToolGroupManager.destroyToolGroup(this.volumeId);
  }
}
