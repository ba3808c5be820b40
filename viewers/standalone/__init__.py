"""A viewer on a page of its own, for a second screen: no Streamlit, the same bundle."""
