/// The report's style sheet; the page uses it too. Colours meet WCAG AA on both backgrounds.
pub(crate) const STYLE: &str = r"
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5a6068; --paper: #ffffff; --line: #d5d9de; --native: #1f5fbf;
  --other: #b3470b; --warn: #8a5a00; --fail: #b3201b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a6adb6; --paper: #16181b; --line: #3a3f46;
  --native: #7eb0ff; --other: #ffa26b; --warn: #f0c060; --fail: #ff8b85; } }
.tare { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
.tare h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0 0; } .tare h2 { font-size: 1.25rem; margin: 1.75rem 0 .5rem; }
.tare h3 { font-size: 1rem; } .tare p { max-width: 46rem; }
.tare .scroll { overflow-x: auto; background: linear-gradient(90deg, var(--paper) 40%, transparent) 0 / 2.5rem 100% no-repeat local, linear-gradient(270deg, var(--paper) 40%, transparent) 100% / 2.5rem 100% no-repeat local,
  linear-gradient(90deg, var(--line), transparent) 0 / 1rem 100% no-repeat, linear-gradient(270deg, var(--line), transparent) 100% / 1rem 100% no-repeat; }
.tare .scroll:focus-visible { outline: 2px solid var(--native); } .tare #methodology table { display: block; overflow-x: auto; } .tare .scroll svg { min-width: 40rem; }
.tare table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.tare caption { text-align: left; max-width: min(calc(100vw - 6rem), 46rem); color: var(--soft); padding-bottom: .25rem; }
.tare th, .tare td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.tare .number { text-align: right; white-space: nowrap; } .tare .short { white-space: nowrap; }
.tare th button { all: unset; cursor: pointer; } .tare th button:focus-visible { outline: 2px solid var(--native); } .tare th[aria-sort=ascending] button::after { content: ' \25b2'; } .tare th[aria-sort=descending] button::after { content: ' \25bc'; }
.tare .save { white-space: nowrap; } .tare .save button { all: unset; cursor: pointer; text-decoration: underline; } .tare .save button:focus-visible { outline: 2px solid var(--native); }
.tare .filter { font-size: .875rem; color: var(--soft); } .tare input, .tare select { font: inherit; max-width: 100%; }
.tare .verdict { font-size: 1.15rem; margin: .5rem 0; } .tare figcaption { font-size: .875rem; max-width: 46rem; }
.tare .warning { color: var(--warn); } .tare .failed { color: var(--fail); } .tare .soft { color: var(--soft); }
.tare summary { cursor: pointer; } .tare summary h2, .tare summary h3 { display: inline; margin: 0; }
section + .fold { margin-top: 1.5rem; } .tare .fold { border-top: 1px solid var(--line); } .tare .fold > summary { padding: .55rem 0; } .tare .fold h2 { font-size: 1.05rem; }
.tare .fold > section { padding: 0 0 1rem 1.1rem; scroll-margin-top: 3rem; } .tare summary:focus-visible, .tare a:focus-visible { outline: 2px solid var(--native); outline-offset: 2px; }
.tare .finding { margin: .35rem 0; max-width: 52rem; } .tare .finding > :not(summary) { margin-left: 1.1rem; }
.tare nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem .9rem; padding: 0; margin: .5rem 0; font-size: .875rem; } .tare a { color: var(--native); }
.tare figure { margin: .75rem 0; } .tare .notes td { border-top: 0; padding-top: 0; } .tare .notes p, .tare p.warning { margin: .2rem 0; }
.tare ul { padding-left: 1.2rem; } .tare li { margin: .2rem 0; }
.tare ol.rows { list-style: none; padding: 0; margin: .5rem 0; }
.tare .rows li { display: grid; grid-template: 'label drawing figure' / 17rem 1fr 20rem; gap: 0 .8rem; align-items: center; margin: .3rem 0; }
.tare .rows .label { grid-area: label; overflow-wrap: anywhere; line-height: 1.25; } .tare .rows .drawing { grid-area: drawing; } .tare .rows svg { display: block; max-width: none; }
.tare .rows .figure { grid-area: figure; font-variant-numeric: tabular-nums; line-height: 1.25; font-size: .9rem; }
@media (max-width: 50rem) { .tare .rows li { grid-template: 'label' 'figure' 'drawing' / 1fr; margin: .6rem 0; } .tare nav { display: none; } .tare th.short { white-space: normal; } }
.tare ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0 1rem; padding: 0; } .tare .readout { visibility: hidden; }
.tare .point:hover .readout, .tare .point:focus .readout { visibility: visible; } .tare .point:focus { outline: none; } .tare .point:focus circle { stroke: var(--ink); stroke-width: 3; }
.tare svg { max-width: 100%; } .tare .scroll svg { height: auto; } .tare svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
.tare .native { fill: var(--native); stroke: var(--native); } .tare .other { fill: var(--other); stroke: var(--other); }
.tare .slow { fill: var(--warn); } .tare code { font-size: .9em; overflow-wrap: anywhere; } .tare pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0; }
@media print { .tare details > * { display: block; } .tare details::details-content { content-visibility: visible; display: block; } .tare nav, .tare .save, .tare .filter { display: none; }
  .tare .scroll { overflow: visible; background: none; } .tare .scroll svg { min-width: 0; } .tare figure, .tare tr { break-inside: avoid; } }
";

/// Colors of parts that people who are colorblind tell apart (Okabe and Ito 2008), with enough contrast on both backgrounds.
pub(crate) const PARTS: &str =
    ".part-0 { fill: #0072b2; } .part-1 { fill: #d55e00; } .part-2 { fill: #009e73; } .part-3 { fill: #cc79a7; } \
.part-4 { fill: #8a6d00; } .part-5 { fill: #3f8fc4; } .part-6 { fill: #80868d; } .part-7 { fill: #7a4fa3; }
";

/// Around the report when it is a file of its own.
pub(crate) const PAGE_STYLE: &str = "body { margin: 0; } .tare { max-width: 70rem; margin: 0 auto; padding: 1rem; }
html { background: #fff; } @media (prefers-color-scheme: dark) { html { background: #16181b; } }";
