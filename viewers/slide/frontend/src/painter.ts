/** Paints tiles as the look wants them, with the graphics card: one for all panes of the page. */

import { h } from "@common/dom";
import { isMixed, isPlain, type Look } from "./look";
import type { Matrix } from "./stains";
import type { Piece } from "./tiles";
import type { Slide } from "./types";

/** Edge of the colour table: 33 values of each of red, green and blue. */
const TABLE = 33;

const CORNERS = `#version 300 es
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  at = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

const COLOURS = `#version 300 es
precision highp float;
precision highp sampler3D;
uniform sampler2D tile;
uniform sampler3D table;
uniform bool isChannel, hasTable, hasDensity;
uniform mat3 density;
uniform vec3 colour;
uniform vec2 range;
in vec2 at;
out vec4 painted;
void main() {
  vec3 seen = texture(tile, at).rgb;
  if (isChannel) {
    seen = colour * clamp((seen.r - range.x) / max(range.y - range.x, 1.0 / 255.0), 0.0, 1.0);
  }
  if (hasTable) seen = texture(table, (seen * ${TABLE - 1}.0 + 0.5) / ${TABLE}.0).rgb;
  if (hasDensity) {
    vec3 dense = -log(max(seen, vec3(1.0 / 256.0)));
    seen = clamp(exp(-(density * dense)), 0.0, 1.0);
  }
  painted = vec4(seen, 1.0);
}`;

export interface Tables {
  /** 33³ RGB bytes, red fastest; undefined without a profile. */
  profile: Uint8Array | undefined;
  density: Matrix | undefined;
}

export class Painter {
  private readonly canvas = document.createElement("canvas");
  private readonly gl: WebGL2RenderingContext | null;
  private readonly places = new Map<string, WebGLUniformLocation | null>();
  private readonly tables = new WeakMap<Uint8Array, WebGLTexture>();
  private tile: WebGLTexture | null = null;

  constructor() {
    this.gl = this.canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
    if (this.gl) this.prepare(this.gl);
  }

  /** False: no graphics, tiles are shown as they came. */
  get isAble(): boolean {
    return this.gl !== null && !this.gl.isContextLost();
  }

  private prepare(gl: WebGL2RenderingContext): void {
    const program = gl.createProgram();
    for (const [kind, source] of [
      [gl.VERTEX_SHADER, CORNERS],
      [gl.FRAGMENT_SHADER, COLOURS],
    ] as const) {
      const shader = gl.createShader(kind)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error(gl.getProgramInfoLog(program) ?? "the tile shader does not link");
    }
    gl.useProgram(program);
    for (const name of ["tile", "table", "isChannel", "hasTable", "hasDensity", "density", "colour", "range"]) {
      this.places.set(name, gl.getUniformLocation(program, name));
    }
    gl.uniform1i(this.places.get("tile")!, 0);
    gl.uniform1i(this.places.get("table")!, 1);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    this.tile = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.tile);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
      gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    }
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    gl.blendFunc(gl.ONE, gl.ONE);
  }

  /** Fill `target` with what the pieces of one place show. */
  paint(
    target: CanvasRenderingContext2D,
    pieces: readonly Piece[],
    slide: Slide,
    look: Look,
    tables: Tables,
  ): void {
    const { width, height } = target.canvas;
    const pictures = pieces.filter((piece) => piece instanceof ImageBitmap);
    if (pieces.includes("not_received")) {
      hatch(target);
    } else if (pictures.length === 0) {
      // Nothing was scanned here: bare glass.
      target.fillStyle = `rgb(${slide.background.join(" ")})`;
      target.fillRect(0, 0, width, height);
    } else if (isPlain(slide, look) || !this.gl || !this.isAble) {
      target.drawImage(pictures[0]!, 0, 0);
    } else {
      this.draw(this.gl, width, height, pieces, slide, look, tables);
      target.drawImage(this.canvas, 0, this.canvas.height - height, width, height, 0, 0, width, height);
    }
  }

  private draw(
    gl: WebGL2RenderingContext,
    width: number,
    height: number,
    pieces: readonly Piece[],
    slide: Slide,
    look: Look,
    tables: Tables,
  ): void {
    if (this.canvas.width < width || this.canvas.height < height) {
      this.canvas.width = Math.max(this.canvas.width, width);
      this.canvas.height = Math.max(this.canvas.height, height);
    }
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const mixed = isMixed(slide);
    const at = (name: string): WebGLUniformLocation => this.places.get(name)!;
    const profile = look.corrected && !mixed ? tables.profile : undefined;
    gl.uniform1i(at("isChannel"), mixed ? 1 : 0);
    gl.uniform1i(at("hasTable"), profile ? 1 : 0);
    gl.uniform1i(at("hasDensity"), tables.density ? 1 : 0);
    if (profile) this.bindTable(gl, profile);
    // Our rows, turned to the columns of WebGL on the way.
    if (tables.density) gl.uniformMatrix3fv(at("density"), true, tables.density.flat());
    if (mixed) gl.enable(gl.BLEND);
    else gl.disable(gl.BLEND);
    gl.activeTexture(gl.TEXTURE0);
    for (const [index, piece] of pieces.entries()) {
      const channel = look.channels[index];
      if (!(piece instanceof ImageBitmap) || channel?.isOn === false) continue;
      if (mixed && channel) {
        gl.uniform3fv(at("colour"), channel.colour);
        gl.uniform2fv(at("range"), channel.window);
      }
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, piece);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    }
  }

  private bindTable(gl: WebGL2RenderingContext, profile: Uint8Array): void {
    gl.activeTexture(gl.TEXTURE1);
    const known = this.tables.get(profile);
    if (known) {
      gl.bindTexture(gl.TEXTURE_3D, known);
      return;
    }
    const made = gl.createTexture();
    this.tables.set(profile, made);
    gl.bindTexture(gl.TEXTURE_3D, made);
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.RGB8, TABLE, TABLE, TABLE, 0, gl.RGB, gl.UNSIGNED_BYTE, profile);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
      gl.texParameteri(gl.TEXTURE_3D, name, gl.LINEAR);
    }
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R]) {
      gl.texParameteri(gl.TEXTURE_3D, name, gl.CLAMP_TO_EDGE);
    }
  }
}

let shared: Painter | undefined;

export function painter(): Painter {
  shared ??= new Painter();
  return shared;
}

/** "Not received yet": never white, for white looks like glass. */
export function hatch(target: CanvasRenderingContext2D): void {
  const { width, height } = target.canvas;
  target.fillStyle = "#39414b";
  target.fillRect(0, 0, width, height);
  target.strokeStyle = "#6d7a88";
  target.lineWidth = 6;
  target.beginPath();
  for (let x = -height; x < width; x += 32) {
    target.moveTo(x, height);
    target.lineTo(x + height, 0);
  }
  target.stroke();
}

export function blankCanvas(width: number, height: number): CanvasRenderingContext2D {
  return h("canvas", { width, height }).getContext("2d")!;
}
