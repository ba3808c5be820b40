/** The dark reading theme: one set of colours, every text at least 4.5:1 on its ground. */

export const THEME = `
:host, .hc {
  --ground: #0f1215; --surface: #161a1f; --raised: #1e242b; --line: #2d353e;
  --text: #e4e9ee; --muted: #9fabb7; --accent: #4fc3c7; --action: #0b7480; --action-hover: #0d8a97;
  --danger: #ff8078; --danger-ground: #4a1619; --warning: #f2bd53; --warning-ground: #3d2c08;
  --good: #63cf91; --good-ground: #10331f; --notice: #86bdff; --notice-ground: #12294a;
  --focus: #ffd54a;
}
.hc { color: var(--text); font: 13px/1.4 "Segoe UI", "Noto Sans", "DejaVu Sans", system-ui, sans-serif;
  color-scheme: dark; box-sizing: border-box; }
.hc *, .hc *::before, .hc *::after { box-sizing: border-box; }
.hc :focus-visible { outline: 2px solid var(--focus); outline-offset: -1px; }
.hc button { font: inherit; color: var(--text); background: var(--raised); cursor: pointer;
  border: 1px solid var(--line); border-radius: 4px; padding: 3px 10px; min-height: 28px; }
.hc button:hover:not(:disabled) { border-color: var(--accent); }
.hc button:disabled { opacity: .5; cursor: default; }
.hc button.primary { background: var(--action); border-color: var(--action); color: #fff; font-weight: 600; }
.hc button.primary:hover:not(:disabled) { background: var(--action-hover); }
.hc button.quiet { background: none; border-color: transparent; color: var(--accent); }
.hc input, .hc textarea, .hc select { font: inherit; color: var(--text); background: #0b0e11;
  border: 1px solid var(--line); border-radius: 4px; padding: 4px 7px; width: 100%; }
.hc textarea { resize: vertical; display: block; line-height: 1.45; }
.hc input:hover, .hc textarea:hover, .hc select:hover { border-color: #465361; }
.hc ::placeholder { color: #8794a1; opacity: 1; }
.hc label { color: var(--muted); }
.hc .badge { display: inline-flex; gap: 4px; align-items: center; border-radius: 3px; padding: 0 6px;
  font-weight: 600; white-space: nowrap; border: 1px solid transparent; line-height: 20px; }
.hc .danger { color: var(--danger); } .hc .warning { color: var(--warning); }
.hc .good { color: var(--good); } .hc .notice { color: var(--notice); } .hc .muted { color: var(--muted); }
.hc .badge.danger { background: var(--danger-ground); border-color: #7c2b2f; color: #ffb1ab; }
.hc .badge.warning { background: var(--warning-ground); border-color: #6e531a; }
.hc .badge.good { background: var(--good-ground); border-color: #205c39; }
.hc .badge.notice { background: var(--notice-ground); border-color: #28497a; }
.hc .badge.plain { background: var(--raised); border-color: var(--line); color: var(--text); }
.hc .bar { padding: 6px 10px; border-left: 3px solid; background: var(--surface); }
.hc .bar.danger { border-color: var(--danger); background: var(--danger-ground); color: #ffd5d1; }
.hc .bar.warning { border-color: var(--warning); background: var(--warning-ground); color: #ffe6b3; }
.hc .bar.good { border-color: var(--good); background: var(--good-ground); color: #c5f2d8; }
.hc .bar.notice { border-color: var(--notice); background: var(--notice-ground); color: #d5e6ff; }
.hc ::-webkit-scrollbar { width: 10px; height: 10px; }
.hc ::-webkit-scrollbar-thumb { background: #3a444f; border-radius: 5px; border: 2px solid var(--ground); }
.hc .sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.hc .overlay { position: absolute; inset: 0; z-index: 30; display: grid; place-items: center;
  background: rgb(8 10 12 / .82); padding: 16px; }
.hc .dialog { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 16px;
  width: min(440px, 100%); max-height: 100%; overflow: auto; display: grid; gap: 10px; }
.hc .dialog h2 { font-size: 16px; margin: 0; }
.hc a { color: var(--accent); }
@media (prefers-reduced-motion: reduce) { .hc * { animation: none !important; transition: none !important; } }
`;
