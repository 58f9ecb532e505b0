/// The report's style sheet; the page uses it too. Colours meet WCAG AA on both backgrounds.
pub(crate) const STYLE: &str = r"
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5a6068; --paper: #ffffff; --line: #d5d9de; --native: #1f5fbf;
  --other: #b3470b; --warn: #8a5a00; --fail: #b3201b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a6adb6; --paper: #16181b; --line: #3a3f46;
  --native: #7eb0ff; --other: #ffa26b; --warn: #f0c060; --fail: #ff8b85; } }
.tare { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
.tare h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; }
.tare .scroll { overflow-x: auto; } .tare .scroll svg { min-width: 40rem; }
.tare table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.tare caption { text-align: left; max-width: min(calc(100vw - 3rem), 62rem); color: var(--soft); padding-bottom: .25rem; }
.tare th, .tare td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.tare td.number, .tare th.number { text-align: right; white-space: nowrap; }
.tare .verdict { font-size: 1.1rem; margin: .5rem 0; }
.tare .warning { color: var(--warn); } .tare .failed { color: var(--fail); } .tare .soft { color: var(--soft); }
.tare summary { cursor: pointer; } .tare summary h2 { display: inline-block; } .tare h3 { font-size: 1rem; }
.tare figure { margin: .5rem 0; } .tare .notes td { border-top: 0; padding-top: 0; } .tare .notes p, .tare p.warning { margin: .2rem 0; }
.tare ul { padding-left: 1.2rem; } .tare li { margin: .2rem 0; }
.tare svg { max-width: 100%; height: auto; } .tare svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
.tare .native { fill: var(--native); stroke: var(--native); } .tare .other { fill: var(--other); stroke: var(--other); }
.tare code { font-size: .9em; overflow-wrap: anywhere; } .tare pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0; }
";

/// Around the report when it is a file of its own.
pub(crate) const PAGE_STYLE: &str =
    "body { margin: 0; } .tare { max-width: 62rem; margin: 0 auto; padding: 1rem; } h1 { font-size: 1.6rem; }
html { background: #fff; } @media (prefers-color-scheme: dark) { html { background: #16181b; } }";
