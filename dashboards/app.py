"""The dashboard's entry: makes its own folder importable, and hands over to the page that the address names."""

import sys
from pathlib import Path

_PARENT = str(Path(__file__).resolve().parent.parent)
if _PARENT not in sys.path:
    # in a checkout the repository, in a wheel the folder of shipped files
    sys.path.insert(0, _PARENT)

import streamlit as st  # noqa: E402

from dashboards.components.runs import store_address  # noqa: E402
from dashboards.components.style import write_style  # noqa: E402
from dashboards.components.text import write_text  # noqa: E402
from dashboards.pages import PAGES  # noqa: E402

st.set_page_config(
    page_title="gradlab", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide", menu_items={}
)
write_style()
chosen = st.navigation(
    {
        section: [
            st.Page(page.path, title=page.title, url_path=page.address, default=page is PAGES[0])
            for page in PAGES
            if page.section == section
        ]
        for section in dict.fromkeys(page.section for page in PAGES)
    },
    expanded=True,
)
with st.sidebar:
    write_text(f"Store: {store_address()}", kind="small")
chosen.run()
