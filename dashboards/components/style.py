"""The few rules of style beyond Streamlit's own; colours are inherited, so light and dark follow its theme."""

import streamlit as st

_CSS = """
<style>
.block-container { padding-top: 4.4rem; max-width: 1240px; }
.block-container h1 { font-size: 1.3rem; font-weight: 500; opacity: .7; padding: 0 0 .2rem 0; }
.gradlab-answer { font-size: 1.6rem; line-height: 1.35; font-weight: 600; margin: 0 0 .4rem 0; max-width:
62rem; } .gradlab-question { font-size: 1.05rem; font-style: italic; opacity: .85; margin: 0; max-width:
62rem; } .gradlab-read { font-size: .95rem; opacity: .8; margin: 0 0 .3rem 0; max-width: 62rem; }
.gradlab-small { font-size: .85rem; opacity: .75; margin: 0; overflow-wrap: anywhere; }
.gradlab-label { font-size: .95rem; font-weight: 600; margin: 0; }
.gradlab-help { border-left: 4px solid #0072b2; padding: .2rem 0 .2rem .8rem; margin: .2rem 0; max-width: 62rem;
                overflow-wrap: anywhere; }
.gradlab-plain { margin: 0; overflow-wrap: anywhere; }
.gradlab-list { margin: 0; padding-left: 1.2rem; max-width: 62rem; }
.gradlab-notice { border-left: 4px solid currentColor; padding: .6rem 1rem; margin: .5rem 0; max-width: 62rem;
                  overflow-wrap: anywhere; }
.gradlab-notice strong { font-size: 1.15rem; display: block; margin-bottom: .2rem; }
.gradlab-notice p { margin: 0; }
.gradlab-cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: .8rem;
                 margin: .4rem 0 .2rem 0; }
.gradlab-card { border: 1px solid rgba(128, 128, 128, .35); border-left: 6px solid #999; border-radius: .4rem;
                padding: .5rem .9rem .6rem .9rem; overflow-wrap: anywhere; }
.gradlab-card.gradlab-ill { border-left-color: #d55e00; }
.gradlab-card.gradlab-well { border-left-color: #009e73; }
.gradlab-card.gradlab-open { border-left-style: dashed; }
.gradlab-card h2 { font-size: 1rem; font-weight: 600; padding: 0; margin: 0; }
.gradlab-card h2 a { color: inherit; }
.gradlab-ill h2 span { color: #d55e00; } .gradlab-well h2 span { color: #009e73; }
.gradlab-card p { margin: 0; font-size: .95rem; }
.gradlab-card p.gradlab-card-count { font-size: 1.35rem; font-weight: 600; line-height: 1.5; }
.gradlab-card p.gradlab-card-help { opacity: .8; font-size: .9rem; margin-top: .3rem; }
.gradlab-grid { overflow-x: auto; max-width: 100%; margin: 0 0 .6rem 0; }
.gradlab-grid table { border-collapse: collapse; font-size: .95rem; }
.gradlab-grid caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.gradlab-grid th, .gradlab-grid td { text-align: left; vertical-align: top; padding: .3rem 1.2rem .3rem 0;
                                     border-bottom: 1px solid rgba(128, 128, 128, .35); font-weight: 400; }
.gradlab-grid thead th { font-weight: 600; }
.gradlab-grid tbody th { opacity: .8; }
.gradlab-studies td:nth-child(2) { min-width: 16rem; }
.gradlab-studies td:not(:nth-child(2)) { white-space: nowrap; }
.gradlab-grid a { color: inherit; }
a:focus-visible, .gradlab-grid:focus-visible { outline: 2px solid currentColor !important; outline-offset: 2px; }
[data-testid="stTextArea"] textarea { font-family: "Source Code Pro", monospace; font-size: .85rem; }
.gradlab-narrow { display: none; }
.gradlab-narrow summary { cursor: pointer; }
.gradlab-narrow summary:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
@media (max-width: 640px) {
  .gradlab-wide { display: none; }
  .gradlab-narrow { display: block; }
  .block-container { padding-left: .8rem; padding-right: .8rem; }
  .gradlab-answer { font-size: 1.25rem; }
  [class*="st-key-about-"], :has(> [class*="st-key-about-"]) { min-width: 100%; }
  .gradlab-studies thead { display: none; }
  .gradlab-studies tr { display: block; border-bottom: 1px solid rgba(128, 128, 128, .35); padding: .35rem 0; }
  .gradlab-studies tbody th, .gradlab-studies tbody td { display: inline; border: none; padding: 0 .6rem 0 0; }
  .gradlab-studies tbody th, .gradlab-studies tbody td:nth-child(2) { display: block; }
  .gradlab-studies tbody td:last-child { display: none; }
}
</style>
"""


def write_style() -> None:
    """Put the rules into the page."""
    st.html(_CSS)
