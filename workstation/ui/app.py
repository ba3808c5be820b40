"""The script Streamlit runs for every page; all of it is in `workstation.ui.frame`."""

from workstation.ui.frame import run

run()
