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
.gradlab-plain { margin: 0; overflow-wrap: anywhere; }
.gradlab-list { margin: 0; padding-left: 1.2rem; max-width: 62rem; }
.gradlab-notice { border-left: 4px solid currentColor; padding: .6rem 1rem; margin: .5rem 0; max-width: 62rem;
                  overflow-wrap: anywhere; }
.gradlab-notice strong { font-size: 1.15rem; display: block; margin-bottom: .2rem; }
.gradlab-notice p { margin: 0; }
@media (max-width: 640px) {
  .block-container { padding-left: .8rem; padding-right: .8rem; }
  .gradlab-answer { font-size: 1.25rem; }
}
</style>
"""


def write_style() -> None:
    """Put the rules into the page."""
    st.html(_CSS)
