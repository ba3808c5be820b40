/**
 * A million points over a slide: dots where they can be told apart, density where they cannot.
 *
 * Points are sorted into cells once; what is in sight is a few runs of them. When there would be
 * too many, the cells' counts are drawn as one picture.
 */

import { h } from "@common/dom";
import { type Bulk, linesOf, middlesOf, sortByCell } from "./bulk";
import { apply, type Affine, type Point } from "./geometry";
import type { Slide } from "./types";

const DOTS = `#version 300 es
uniform vec3 across, down;
uniform vec2 size;
uniform float edge;
in vec2 place;
void main() {
  vec3 at = vec3(place, 1.0);
  vec2 screen = vec2(dot(across, at), dot(down, at)) / size;
  gl_Position = vec4(screen.x * 2.0 - 1.0, 1.0 - screen.y * 2.0, 0.0, 1.0);
  gl_PointSize = edge;
}`;

const ROUND = `#version 300 es
precision highp float;
uniform vec3 colour;
uniform float opacity;
out vec4 painted;
void main() {
  float away = length(gl_PointCoord - 0.5) * 2.0;
  if (away > 1.0) discard;
  painted = vec4(mix(colour, vec3(0.0), smoothstep(0.7, 1.0, away) * 0.7), 1.0) * opacity;
}`;

const FLAT = `#version 300 es
precision highp float;
uniform vec3 colour;
uniform float opacity;
out vec4 painted;
void main() {
  painted = vec4(colour, 1.0) * opacity;
}`;

const FIELD = `#version 300 es
uniform vec3 across, down;
uniform vec2 size, extent;
out vec2 at;
void main() {
  at = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  vec3 place = vec3(at * extent, 1.0);
  vec2 screen = vec2(dot(across, place), dot(down, place)) / size;
  gl_Position = vec4(screen.x * 2.0 - 1.0, 1.0 - screen.y * 2.0, 0.0, 1.0);
}`;

const DENSE = `#version 300 es
precision highp float;
uniform sampler2D field;
uniform vec3 colour;
uniform float opacity;
in vec2 at;
out vec4 painted;
void main() {
  float share = texture(field, at).r;
  float alpha = share <= 0.0 ? 0.0 : 0.15 + 0.55 * sqrt(share);
  painted = vec4(colour, 1.0) * alpha * opacity;
}`;

/** Cells along the longer side. */
const CELLS = 512;
/** Dots drawn at once; the rest is density. */
const MOST_DOTS = 120_000;
/** Corners of outlines drawn at once; where there are more, each outline is a dot. */
const MOST_CORNERS = 400_000;

interface Cloud {
  colour: readonly [number, number, number];
  isOn: boolean;
  opacity: number;
  count: number;
  /** First point of each cell, and the end. */
  starts: Uint32Array;
  dots: WebGLVertexArrayObject;
  buffer: WebGLBuffer;
  field: WebGLTexture;
  outlines: { lines: WebGLVertexArrayObject; buffer: WebGLBuffer; ends: Uint32Array } | undefined;
}

export class PointLayer {
  readonly canvas = h("canvas", { class: "hs-points", "data-drawn": "none" });
  private readonly gl: WebGL2RenderingContext | null;
  private readonly programs: Record<"dots" | "lines" | "field", WebGLProgram> | undefined;
  private readonly clouds = new Map<string, Cloud>();
  private readonly cell: number;
  private readonly columns: number;
  private readonly rows: number;
  private view: { toScreen: Affine; toPixel: Affine; size: Point } | undefined;

  constructor(slide: Slide) {
    this.cell = Math.max(slide.width, slide.height) / CELLS;
    this.columns = Math.ceil(slide.width / this.cell);
    this.rows = Math.ceil(slide.height / this.cell);
    this.gl = this.canvas.getContext("webgl2", { premultipliedAlpha: true, antialias: false, preserveDrawingBuffer: true });
    if (!this.gl) return;
    this.programs = {
      dots: link(this.gl, DOTS, ROUND),
      lines: link(this.gl, DOTS, FLAT),
      field: link(this.gl, FIELD, DENSE),
    };
    this.gl.enable(this.gl.BLEND);
    this.gl.blendFunc(this.gl.ONE, this.gl.ONE_MINUS_SRC_ALPHA);
  }

  set(id: string, bulk: Bulk, colour: string): void {
    const { gl, programs } = this;
    if (!gl || !programs) return;
    this.drop(id);
    const middles = bulk.starts ? middlesOf(bulk.points, bulk.starts) : bulk.points;
    const { order, starts } = sortByCell(middles, this.columns, this.rows, this.cell);
    const ordered = new Float32Array(middles.length);
    for (const [place, index] of order.entries()) {
      ordered[2 * place] = middles[2 * index]!;
      ordered[2 * place + 1] = middles[2 * index + 1]!;
    }
    let outlines: Cloud["outlines"];
    if (bulk.starts) {
      const { lines, ends } = linesOf(bulk, order);
      const [array, buffer] = this.upload(gl, programs.lines, lines);
      outlines = { lines: array, buffer, ends };
    }
    const [dots, buffer] = this.upload(gl, programs.dots, ordered);
    const field = this.fieldOf(gl, starts);
    this.clouds.set(id, { colour: rgb(colour), isOn: true, opacity: 1, count: order.length, starts, dots, buffer, field, outlines });
    this.paint();
  }

  private upload(
    gl: WebGL2RenderingContext,
    program: WebGLProgram,
    numbers: Float32Array,
  ): [WebGLVertexArrayObject, WebGLBuffer] {
    const array = gl.createVertexArray();
    const buffer = gl.createBuffer();
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, numbers, gl.STATIC_DRAW);
    const place = gl.getAttribLocation(program, "place");
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, 2, gl.FLOAT, false, 0, 0);
    gl.bindVertexArray(null);
    return [array, buffer];
  }

  private fieldOf(gl: WebGL2RenderingContext, starts: Uint32Array): WebGLTexture {
    const cells = new Uint8Array(this.columns * this.rows);
    let most = 1;
    for (let i = 0; i < cells.length; i++) most = Math.max(most, starts[i + 1]! - starts[i]!);
    for (let i = 0; i < cells.length; i++) {
      const count = starts[i + 1]! - starts[i]!;
      // Even a single point must be seen.
      cells[i] = count === 0 ? 0 : Math.max(1, Math.round((255 * count) / most));
    }
    const field = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, field);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, this.columns, this.rows, 0, gl.RED, gl.UNSIGNED_BYTE, cells);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
      gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    }
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) {
      gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
    }
    return field;
  }

  /** Drop every set whose id begins with `prefix` and is not among `ids`. */
  keep(prefix: string, ids: ReadonlySet<string>): void {
    for (const id of [...this.clouds.keys()]) if (id.startsWith(prefix) && !ids.has(id)) this.drop(id);
  }

  has(id: string): boolean {
    return this.clouds.has(id);
  }

  show(id: string, isOn: boolean, opacity = 1): void {
    const cloud = this.clouds.get(id);
    if (!cloud || (cloud.isOn === isOn && cloud.opacity === opacity)) return;
    cloud.isOn = isOn;
    cloud.opacity = opacity;
    this.paint();
  }

  drop(id: string): void {
    const cloud = this.clouds.get(id);
    if (!cloud || !this.gl) return;
    this.gl.deleteVertexArray(cloud.dots);
    this.gl.deleteBuffer(cloud.buffer);
    this.gl.deleteTexture(cloud.field);
    if (cloud.outlines) {
      this.gl.deleteVertexArray(cloud.outlines.lines);
      this.gl.deleteBuffer(cloud.outlines.buffer);
    }
    this.clouds.delete(id);
    this.paint();
  }

  destroy(): void {
    for (const id of [...this.clouds.keys()]) this.drop(id);
    this.gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }

  follow(toScreen: Affine, toPixel: Affine, size: Point): void {
    this.view = { toScreen, toPixel, size };
    if (this.clouds.size) this.paint();
  }

  private paint(): void {
    const { gl, programs, view, canvas } = this;
    if (!gl || !programs || !view) return;
    const ratio = window.devicePixelRatio || 1;
    const [w, t] = view.size;
    canvas.width = Math.round(w * ratio);
    canvas.height = Math.round(t * ratio);
    canvas.style.width = `${w}px`;
    canvas.style.height = `${t}px`;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const shown = [...this.clouds.values()].filter((cloud) => cloud.isOn);
    const runs = shown.map((cloud) => this.runs(cloud));
    const total = runs.flat().reduce((sum, [, count]) => sum + count, 0);
    const isDense = total > MOST_DOTS;
    canvas.dataset["drawn"] = shown.length === 0 ? "none" : isDense ? "density" : "dots";
    canvas.dataset["count"] = String(total);
    for (const [index, cloud] of shown.entries()) {
      if (isDense) this.paintField(gl, this.use(gl, programs.field, view, cloud), cloud);
      else this.paintEach(gl, programs, view, cloud, runs[index]!);
    }
  }

  private use(
    gl: WebGL2RenderingContext,
    program: WebGLProgram,
    { toScreen, size }: NonNullable<PointLayer["view"]>,
    cloud: Cloud,
  ): (name: string) => WebGLUniformLocation | null {
    const at = (name: string): WebGLUniformLocation | null => gl.getUniformLocation(program, name);
    gl.useProgram(program);
    gl.uniform3fv(at("across"), toScreen.slice(0, 3));
    gl.uniform3fv(at("down"), toScreen.slice(3, 6));
    gl.uniform2f(at("size"), ...(size as [number, number]));
    gl.uniform3fv(at("colour"), cloud.colour);
    gl.uniform1f(at("opacity"), cloud.opacity);
    return at;
  }

  private paintField(
    gl: WebGL2RenderingContext,
    at: (name: string) => WebGLUniformLocation | null,
    cloud: Cloud,
  ): void {
    gl.uniform2f(at("extent"), this.columns * this.cell, this.rows * this.cell);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, cloud.field);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  private paintEach(
    gl: WebGL2RenderingContext,
    programs: { dots: WebGLProgram; lines: WebGLProgram },
    view: NonNullable<PointLayer["view"]>,
    cloud: Cloud,
    runs: readonly (readonly [number, number])[],
  ): void {
    const { outlines } = cloud;
    const corners = (first: number, count: number): number => outlines!.ends[first + count]! - outlines!.ends[first]!;
    const asLines =
      outlines !== undefined && runs.reduce((sum, [first, count]) => sum + corners(first, count), 0) <= MOST_CORNERS;
    const at = this.use(gl, asLines ? programs.lines : programs.dots, view, cloud);
    if (asLines) {
      this.canvas.dataset["drawn"] = "outlines";
      gl.bindVertexArray(outlines.lines);
      for (const [first, count] of runs) gl.drawArrays(gl.LINES, outlines.ends[first]!, corners(first, count));
    } else {
      const scale = Math.hypot(view.toScreen[0], view.toScreen[3]);
      gl.uniform1f(at("edge"), (window.devicePixelRatio || 1) * Math.min(9, Math.max(3, 16 * scale)));
      gl.bindVertexArray(cloud.dots);
      for (const [first, count] of runs) gl.drawArrays(gl.POINTS, first, count);
    }
    gl.bindVertexArray(null);
  }

  /** [first, count] of the points in the rows of cells in sight. */
  private runs(cloud: Cloud): [number, number][] {
    const { toPixel, size } = this.view!;
    const [w, t] = size;
    const corners = ([[0, 0], [w, 0], [w, t], [0, t]] as const).map((p) => apply(toPixel, p));
    const clip = (value: number, most: number): number => Math.min(most - 1, Math.max(0, Math.floor(value / this.cell)));
    const columns = corners.map((p) => clip(p[0], this.columns));
    const rows = corners.map((p) => clip(p[1], this.rows));
    const [left, right] = [Math.min(...columns), Math.max(...columns)];
    const made: [number, number][] = [];
    for (let row = Math.min(...rows); row <= Math.max(...rows); row++) {
      const first = cloud.starts[row * this.columns + left]!;
      const count = cloud.starts[row * this.columns + right + 1]! - first;
      if (count) made.push([first, count]);
    }
    return made;
  }
}

function link(gl: WebGL2RenderingContext, vertex: string, fragment: string): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(gl.getProgramInfoLog(program) ?? "a shader does not link");
  }
  return program;
}

function rgb(colour: string): [number, number, number] {
  const value = /^#[0-9a-f]{6}$/i.test(colour) ? Number.parseInt(colour.slice(1), 16) : 0xffd400;
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}
